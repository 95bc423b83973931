// What is said to the answer of an exercise: the verdict at a glance, the reason, hints in steps.
import styles from "./verdict.css";
import { h, inline, mount, binding } from "./ui.js";
import { button } from "./controls.js";

const HEADS = { right: ["✓", "Right"], wrong: ["✗", "Not yet"], open: ["…", "Not attempted yet"] };

/**
 * Traits: `verdict` ("right", "wrong", "open"), `says`, `picture` (HTML of what a right answer shows), `exercise` (its
 * name), `hints` (those given so far, Markdown of a sentence or a code block), `hints_left`, `progress` (words).
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
  root.append(
    h(
      "div",
      { class: "v-card", "data-state": kind },
      h(
        "div",
        { class: "v-head" },
        h("span", { class: "v-mark", "aria-hidden": "true" }, mark),
        h("b", {}, head),
        h("span", { class: "cw-cap" }, model.get("progress")),
      ),
      h("p", {}, ...inline(capital(model.get("says")))),
      picture,
      h("div", { role: "status" }, hints),
      more,
    ),
  );

  function draw() {
    const given = model.get("hints");
    hints.replaceChildren(...(kind === "right" ? [] : given.map(text => h("li", {}, ...formatted(capital(text))))));
    const left = model.get("hints_left");
    more.hidden = kind === "right" || left === 0 || !model.send;
    const number = given.length + 1;
    more.textContent = left === 1 ? "Show the solution" : `Hint ${number} of ${given.length + left}`;
  }

  draw();
  return () => {
    state.close();
    close();
  };
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A sentence, and below it the code that stands in lines of its own. */
function formatted(text) {
  const [sentence, ...lines] = text.split("\n");
  if (!lines.length) return inline(sentence);
  const code = lines.filter(line => !line.trim().startsWith("```"));
  const indent = Math.min(...code.filter(line => line.trim()).map(line => line.search(/\S/)));
  return [...inline(sentence), h("pre", {}, code.map(line => line.slice(indent)).join("\n").trim())];
}
