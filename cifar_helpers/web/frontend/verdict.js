// The verdict on an answer to an exercise, with the reason and hints in steps.
import styles from "./verdict.css";
import { asking, h, inline, mount, binding } from "./ui.js";
import { button } from "./controls.js";

const HEADS = { right: ["✓", "Right"], wrong: ["✗", "Not yet"], open: ["…", "Not attempted yet"] };

/**
 * Traits: `verdict` ("right", "wrong", "open"), `says`, `code` (the learner's line and the error that it raised),
 * `picture` (HTML of what a right answer does, or of a wrong result beside the right one), `exercise` (its name),
 * `hints` (those given so far, Markdown of a sentence or a code block), `hints_left`, `progress` (words), `solved`
 * (of each exercise of the lesson) and `place` (of this one among them).
 */
export function render({ model, el }) {
  const { root, close } = mount(el, "verdict", `Exercise ${model.get("exercise")}`, styles, () => {});
  const python = asking(model, root);
  const state = binding(model, { hints: () => draw(), hints_left: () => draw() });
  const kind = model.get("verdict");
  const [mark, head] = HEADS[kind];
  const picture = h("div", { class: "v-picture" });
  picture.innerHTML = model.get("picture"); // drawn by the checks, never by the learner's code
  paired(picture);
  const hints = h("ol", { class: "v-hints" });
  const more = button("", () => python.send({ type: "hint" }));
  const help = h("p", { class: "cw-cap" }, ...inline(`Stuck? \`checks.hint('${model.get("exercise")}')\` helps, one step at a time.`));
  const solved = model.get("solved");
  const before = kind !== "right" && solved[model.get("place")] ? ", this one earlier" : "";
  const title = [
    h("span", { class: "v-mark", "aria-hidden": "true" }, mark),
    h("b", {}, head),
    h("span", { class: "cw-cap" }, dots(solved, model.get("place")), model.get("progress") + before),
  ];
  const says = h("p", { class: "v-says" }, ...inline(model.get("says")));
  const lines = model.get("code").map(line => h("span", {}, line));
  const error = lines.length ? h("pre", { class: "v-error" }, lines) : null;
  const steps = h("div", { role: "status", tabindex: -1 }, hints);
  const parts = [h("div", { class: "v-head" }, title), says, error, picture, steps, more, help];
  root.append(h("div", { class: "v-card", "data-state": kind }, parts));

  function draw() {
    python.heard();
    const given = model.get("hints");
    const left = model.get("hints_left");
    hints.replaceChildren(...(kind === "right" ? [] : given.map(text => h("li", {}, ...formatted(text)))));
    const had = root.getRootNode().activeElement === more;
    more.hidden = kind === "right" || left === 0 || !model.send;
    help.hidden = kind === "right" || left === 0 || Boolean(model.send); // with Python there is the button
    more.textContent = left === 1 ? "Show the solution" : `Hint ${given.length + 1} of ${given.length + left}`;
    if (had && more.hidden) steps.focus();
  }

  draw();
  return () => {
    state.close();
    close();
  };
}

/** Which exercises of the lesson are solved, as dots; this one has a ring. */
function dots(solved, place) {
  const each = solved.map((done, k) => h("i", { class: `${done ? "v-on" : ""} ${k === place ? "v-here" : ""}` }));
  return h("span", { class: "v-dots", "aria-hidden": "true", title: "The one with a ring is this exercise." }, each);
}

/** Mark the number that the pointer is on in all tables that have its place. */
function paired(picture) {
  picture.addEventListener("pointerover", ({ target }) => {
    const at = target.closest("[data-at]")?.dataset.at;
    for (const cell of picture.querySelectorAll("[data-at]")) cell.classList.toggle("v-at", cell.dataset.at === at);
  });
  picture.addEventListener("pointerleave", ({ pointerType }) => {
    if (pointerType !== "mouse") return; // a tap stays
    for (const cell of picture.querySelectorAll(".v-at")) cell.classList.remove("v-at");
  });
}

/** A sentence, and below it the lines of code. */
function formatted(text) {
  const [sentence, ...lines] = text.split("\n");
  if (!lines.length) return inline(sentence);
  const code = lines.filter(line => !line.trim().startsWith("```"));
  const indent = Math.min(...code.filter(line => line.trim()).map(line => line.search(/\S/)));
  return [...inline(sentence), h("pre", {}, code.map(line => h("span", {}, line.slice(indent) || " ")))];
}
