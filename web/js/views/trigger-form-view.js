/** Makes or changes a trigger: the form on the left, what the engine makes of it on the right. */

import { element, replace } from "../helpers/element.js";
import { suggestedName } from "../helpers/suggested-name.js";
import { changeTrigger, createTrigger, readTrigger } from "../models/calls.js";
import { blankFields, draftErrors, draftMembers, fieldsOf, objectText } from "../models/draft.js";
import { scheduleText } from "../models/draft-schedule.js";
import { SchedulePreview } from "../models/preview.js";
import { mark, showErrors } from "./field.js";
import { PreviewPanel } from "./preview-panel.js";
import { problemNotice } from "./problem-notice.js";
import { TestPanel } from "./test-panel.js";
import { triggerFields } from "./trigger-fields.js";

export class View {
  #context;
  /** @type {import("../types.js").Trigger | null} */
  #saved = null;
  /** @type {string | null} */
  #etag = null;
  /** @type {Map<string, string>} the members as they were read, to send only what changed */
  #before = new Map();
  #named = false;
  #preview = new SchedulePreview();
  #previewPanel = new PreviewPanel(this.#preview);
  #testPanel = new TestPanel(() => this.#checked(), { failed: (problem) => this.#refused(problem, "") });
  #notice = element("div");
  #submit = element("button", { type: "submit", class: "primary" }, "Create trigger");
  #form = element("form", { class: "trigger-form", novalidate: true });
  /** @type {(fields: any) => void} */
  #show = () => {};
  /** @type {HTMLElement} the fields that the preview is about */
  #schedule = element("div");
  /** Drawing it anew would lose what was typed. */
  holdsInput = true;

  /** @param {any} context */
  constructor(context) {
    this.#context = context;
    this.title = context.id === "new" ? "New trigger" : "Edit trigger";
    this.heading = element("h1", { tabindex: -1 }, this.title);
    this.root = element("div", { class: "page" }, element("div", { class: "head" }, this.heading), this.#notice,
      element("div", { class: "beside" }, this.#form, element("div", { class: "sticky" }, this.#previewPanel.root, this.#testPanel.root)));
  }

  async connect() {
    this.#previewPanel.connect();
    this.#preview.addEventListener("change", this.#previewed);
    this.#form.addEventListener("input", this.#edited);
    this.#form.addEventListener("submit", this.#submitted);
    const { id, url } = this.#context;
    if (id === "new") return this.#fill(blankFields(Object.fromEntries(url.searchParams)));
    try {
      const answer = await readTrigger(id);
      [this.#saved, this.#etag, this.#named] = [answer.data, answer.etag, true];
      const fields = fieldsOf(answer.data, answer.text);
      this.#before = draftMembers(fields, this.#saved);
      replace(this.heading, "Edit ", answer.data.name);
      replace(this.#submit, "Save changes");
      this.#fill(fields);
    } catch (problem) {
      replace(this.#notice, problemNotice(/** @type {any} */ (problem), "The trigger could not be read.", () => this.connect()));
    }
  }

  disconnect() {
    this.#previewPanel.disconnect();
    this.#preview.removeEventListener("change", this.#previewed);
    this.#preview.disconnect();
    this.#form.removeEventListener("input", this.#edited);
    this.#form.removeEventListener("submit", this.#submitted);
  }

  focus() {
    (this.#form.querySelector("[name=url]") ?? this.heading).focus();
  }

  /** @param {import("../models/draft.js").Fields} fields */
  #fill(fields) {
    const { nodes, schedule, show } = triggerFields(fields);
    [this.#schedule, this.#show] = [schedule, show];
    replace(this.#form, nodes, element("div", { class: "actions" }, this.#submit,
      element("a", { class: "button", href: this.#saved ? `/triggers/${this.#saved.id}` : "/triggers" }, "Cancel")));
    this.#named ||= fields.name !== "";
    this.#edited();
  }

  /** @returns {import("../models/draft.js").Fields} */
  #fields() {
    return { ...blankFields(), .../** @type {any} */ (Object.fromEntries(new FormData(this.#form))) };
  }

  #edited = (/** @type {Event | undefined} */ event = undefined) => {
    const fields = this.#fields();
    const name = this.#form.elements.namedItem("name");
    if (event?.target === name) this.#named = fields.name !== "";
    else if (!this.#named) name.value = suggestedName(fields);
    this.#show(fields);
    const edited = /** @type {Element | undefined} */ (event?.target)?.closest("[data-field]");
    if (edited && !this.#schedule.contains(edited)) mark(edited, []);
    this.#preview.update(fields.type === "api" ? null : scheduleText(fields, this.#saved?.schedule), fields.timezone);
  };

  #previewed = () => {
    if (!this.#preview.stale) showErrors(this.#schedule, this.#preview.problem?.errors ?? []);
  };

  /** @returns {string | null} the whole trigger as JSON text, unless something is wrong that only the page can see */
  #checked() {
    const fields = this.#fields();
    const errors = draftErrors(fields);
    showErrors(this.#form, errors);
    if (errors.length > 0) this.#toFirstError();
    return errors.length > 0 ? null : objectText(draftMembers(fields, this.#saved));
  }

  #submitted = async (/** @type {Event} */ event) => {
    event.preventDefault();
    const body = this.#checked();
    if (body === null) return;
    this.#submit.disabled = true;
    try {
      const { data } = await (this.#saved ? changeTrigger(this.#saved.id, this.#changes(), this.#etag) : createTrigger(body));
      this.#context.shell.notify([this.#saved ? "Saved “" : "Created “", element("a", { href: `/triggers/${data.id}` }, data.name), "”."]);
      this.#context.router.go(`/triggers/${data.id}`);
    } catch (problem) {
      this.#refused(/** @type {any} */ (problem), "The trigger was not saved.");
    }
    this.#submit.disabled = false;
  };

  #changes() {
    return objectText(new Map([...draftMembers(this.#fields(), this.#saved)].filter(([name, text]) => this.#before.get(name) !== text)));
  }

  /** @param {import("../api.js").Problem} problem @param {string} what */
  #refused(problem, what) {
    const left = showErrors(this.#form, problem.errors);
    const unplaced = problem.errors.length === 0 || left.length > 0;
    replace(this.#notice, what && unplaced && problemNotice(problem, what));
    this.#toFirstError();
  }

  #toFirstError() {
    const wrong = this.#form.querySelector("[aria-invalid=true]");
    wrong?.closest("details")?.setAttribute("open", "");
    wrong?.focus();
  }
}
