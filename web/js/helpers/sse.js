/** Server-sent events, as the HTML standard parses them (its section 9.2.6), from a stream of bytes. */

/**
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} heard called for every piece that arrives, comments too: the line is alive
 * @returns {AsyncGenerator<{type: string, data: string, id: string | null}>}
 */
export async function* messages(body, heard) {
  let [type, data, id] = ["message", /** @type {string[]} */ ([]), /** @type {string | null} */ (null)];
  for await (const line of lines(body, heard)) {
    if (line === "") {
      if (data.length > 0) yield { type, data: data.join("\n"), id };
      [type, data] = ["message", []];
      continue;
    }
    const [, field, value] = /** @type {RegExpMatchArray} */ (line.match(/^([^:]*)(?:: ?(.*))?$/su));
    if (field === "event") type = value || "message";
    if (field === "data") data.push(value ?? "");
    if (field === "id") id = value ?? "";
  }
}

/** @param {ReadableStream<Uint8Array>} body @param {() => void} heard @returns {AsyncGenerator<string>} */
async function* lines(body, heard) {
  const reader = body.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      // A CR at the very end may be half of a CRLF, so it waits for what follows.
      const pieces = (rest + value).split(/\r\n|\n|\r(?!$)/u);
      rest = /** @type {string} */ (pieces.pop());
      yield* pieces;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
