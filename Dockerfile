# The engine, its page and nothing else: no compiler, no pip cache, no tests, no root.
#
#   docker build -t event-trigger-engine .
#   docker run -p 8000:8000 -e X_API_KEY=... -v engine-data:/data event-trigger-engine
#
# Without X_API_KEY it stops at once with exit code 78: inside a container it has to listen to the outside.

FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml ./
# What the project depends on is a layer of its own, so that a change of code does not download it again. The environment
# holds no pip: the final image has no use for one.
RUN python -m venv --without-pip /opt/engine \
 && python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*p['dependencies'], *p['optional-dependencies']['fast'], sep='\n')" > /tmp/requirements.txt \
 && python -m pip --python /opt/engine/bin/python install --no-cache-dir -r /tmp/requirements.txt
COPY README.md LICENSE ./
COPY engine engine
COPY web web
RUN python -m pip --python /opt/engine/bin/python install --no-cache-dir --no-deps .

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Event Trigger Engine" \
      org.opencontainers.image.description="Triggers that fire on time, and every attempt on record." \
      org.opencontainers.image.licenses="MIT"
# Numbers, not names: a platform that insists on non-root can see that this is none. /data belongs to that user, and a new
# named volume takes its ownership from here.
RUN install -d -o 10001 -g 10001 -m 0700 /data
COPY --from=build /opt/engine /opt/engine
ENV PATH=/opt/engine/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    DATABASE_URL=sqlite:////data/engine.db
WORKDIR /opt/engine
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# ProxyHandler({}) keeps a proxy from the environment out of a call to ourselves.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ.get('PORT', '8000') + '/healthz', timeout=4)"]
ENTRYPOINT ["python", "-m", "engine"]
CMD ["serve"]
