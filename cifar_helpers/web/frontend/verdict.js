// The verdict on an answer to an exercise, with the reason and hints in steps.
import styles from "./verdict.css";
import { h, inline, mount, binding } from "./ui.js";
import { button } from "./controls.js";

const HEADS = { right: ["✓", "Right"], wrong: ["✗", "Not yet"], open: ["…", "Not attempted yet"] };

/**
 * Traits: `verdict` ("right", "wrong", "open"), `says`, `picture` (HTML of what a right answer does, or of a wrong
 * result beside the right one), `exercise` (its name), `hints` (those given so far, Markdown of a sentence or a code
 * block), `hints_left`, `progress` (words).
 */
export function render({ model, el }) {
  const { root, close } = mount(el, "verdict", `Exercise ${model.get("exercise")}`, styles, () => {});
  const state = binding(model, { hints: () => draw(), hints_left: () => draw() });
  const kind = model.get("verdict");
  const [mark, head] = HEADS[kind];
  const picture = h("div", { class: "v-picture" });
  picture.innerHTML = model.get("picture"); // drawn by the checks, never by the learner's code
  const hints = h("ol", { class: "v-hints" });
  const more = button("", () => model.send?.({ type: "hint" }));
  const help = h("p", { class: "cw-cap" }, ...inline(`Stuck? \`checks.hint('${model.get("exercise")}')\` helps, one step at a time.`));
  const title = [
    h("span", { class: "v-mark", "aria-hidden": "true" }, mark),
    h("b", {}, head),
    h("span", { class: "cw-cap" }, ...solved(model.get("progress"))),
  ];
  const says = h("p", { class: "v-says" }, ...inline(model.get("says")));
  const steps = h("div", { role: "status", tabindex: -1 }, hints);
  const parts = [h("div", { class: "v-head" }, title), says, picture, steps, more, help];
  root.append(h("div", { class: "v-card", "data-state": kind }, parts));

  function draw() {
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

/** How many exercises are solved, as dots and in words. */
function solved(words) {
  const [done = 0, all = 0] = words.match(/\d+/g) ?? [];
  const dots = Array.from({ length: all }, (_, k) => h("i", { class: k < done ? "v-on" : "" }));
  return [h("span", { class: "v-dots", "aria-hidden": "true" }, dots), words];
}

/** A sentence, and below it the lines of code. */
function formatted(text) {
  const [sentence, ...lines] = text.split("\n");
  if (!lines.length) return inline(sentence);
  const code = lines.filter(line => !line.trim().startsWith("```"));
  const indent = Math.min(...code.filter(line => line.trim()).map(line => line.search(/\S/)));
  return [...inline(sentence), h("pre", {}, code.map(line => h("span", {}, line.slice(indent) || " ")))];
}
