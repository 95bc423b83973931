// The verdict on an answer to an exercise, with the reason and hints in steps.
import styles from "./verdict.css";
import { asking, h, inline, mount, binding } from "./ui.js";
import { arrows, button, movable, slider, stands } from "./controls.js";
import { clamp } from "./numbers.js";

const HEADS = { right: ["✓", "Right"], wrong: ["✗", "Not yet"], open: ["…", "Not attempted yet"] };

/**
 * Traits: `verdict` ("right", "wrong", "open"), `says`, `code` (the learner's line and the error that it raised),
 * `picture` (HTML of what a right answer does, or of a wrong result beside the right one), `note` (below it),
 * `given` (lines of Python that make the input), `exercise` (its name), `hints` (those given so far, Markdown of a
 * sentence or a code block), `hints_left` and `progress` (words).
 */
export function render({ model, el }) {
  const { root, close } = mount(el, "verdict", `Exercise ${model.get("exercise")}`, styles, () => {});
  const python = asking(model, root);
  const state = binding(model, { hints: () => draw(), hints_left: () => draw() });
  const kind = model.get("verdict");
  const [mark, head] = HEADS[kind];
  const picture = h("div", { class: "v-picture" });
  picture.innerHTML = model.get("picture"); // drawn by the checks, never by the learner's code
  followed(picture);
  scaled(picture);
  const hints = h("ol", { class: "v-hints" });
  const more = button("", () => python.send({ type: "hint" }));
  const call = `checks.hint('${model.get("exercise")}')`;
  const stuck = h("p", { class: "cw-cap" }, ...inline(`Stuck? \`${call}\` helps, one step at a time.`));
  const help = h("div", { class: "v-given" }, stuck, copier(call, () => stuck.querySelector("code"), "Copy the call"));
  const title = [
    h("span", { class: "v-mark", "aria-hidden": "true" }, mark),
    h("b", {}, head),
    h("span", { class: "cw-cap" }, ...inline(model.get("progress"))),
  ];
  const says = h("p", { class: "v-says" }, ...inline(model.get("says")));
  const note = model.get("note") ? h("p", {}, ...inline(model.get("note"))) : null;
  const lines = model.get("code").map(line => h("span", {}, line));
  const error = lines.length ? h("pre", { class: "v-error" }, lines) : null;
  const steps = h("div", { role: "status", tabindex: -1 }, hints);
  const top = h("div", { class: "v-head" }, title);
  const parts = [top, says, error, picture, note, copied(model.get("given")), steps, more, help];
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

/** Code that makes the input, to be copied into a cell. */
function copied(code) {
  if (!code) return null;
  const lines = h("pre", {}, code.split("\n").map(line => h("span", {}, line)));
  return h("div", { class: "v-given" }, lines, copier(code, () => lines, "Copy the input"));
}

/** A button that copies code, which is shown in a node. */
function copier(code, node, name) {
  const copy = button("Copy", async () => {
    const copying = navigator.clipboard?.writeText(code) ?? Promise.reject();
    const isDone = await copying.then(() => true, () => false);
    if (!isDone) getSelection().selectAllChildren(node()); // ready for the keys
    copy.textContent = isDone ? "Copied" : "Press Ctrl+C";
  }, { name });
  return copy;
}

/**
 * The frame around a number in all tables, and the line that names it: both follow the pointer, and a click, a tap or an
 * arrow key leaves them at another number.
 */
function followed(picture) {
  const line = picture.querySelector(".v-framed");
  if (!line) return;
  const linked = [...picture.querySelectorAll("table:has([data-at])")];
  const tables = linked.map(table => [...table.querySelectorAll("[data-at]")]);
  const [cells] = tables;
  const numbers = line.querySelectorAll("b"); // one for each table
  const columns = cells[0].parentNode.querySelectorAll("[data-at]").length;
  let chosen = cells.findIndex(cell => cell.matches(".v-at"));
  let framed = chosen; // the one under the pointer, else the chosen one

  function show(k) {
    framed = k;
    tables.forEach((table, n) => {
      table.forEach((cell, at) => cell.classList.toggle("v-at", at === k));
      const { color, background, boxShadow } = table[k].style;
      numbers[n].textContent = table[k].textContent;
      if (n < tables.length - 2) return; // an argument has no colour
      Object.assign(numbers[n].style, { color, background, boxShadow });
      numbers[n].classList.toggle("v-plain", !background);
    });
    const [row, column] = cells[k].dataset.at.split(",");
    stands(line, k, cells.length - 1, `row ${row}, column ${column}. ${line.textContent}`);
  }

  const choose = k => show((chosen = k));

  function under({ target }) {
    const k = tables.map(table => table.indexOf(target.closest("[data-at]"))).find(found => found >= 0);
    return k ?? framed; // between two numbers nothing changes
  }

  for (const [name, value] of Object.entries(movable("number"))) line.setAttribute(name, value);
  line.setAttribute("aria-label", "Framed number");
  arrows(line, (down, right) => {
    const row = clamp(Math.floor(framed / columns) + down, 0, cells.length / columns - 1);
    choose(row * columns + clamp((framed % columns) + right, 0, columns - 1));
  });
  picture.addEventListener("click", event => { // also at the end of a press that was dragged
    choose(under(event));
    line.focus(/** @type {any} */ ({ preventScroll: true, focusVisible: false }));
  });
  picture.addEventListener("mousedown", event => { // which would select text
    if (event.target.closest("[data-at]")) event.preventDefault();
  });
  picture.addEventListener("pointerover", event => event.pointerType === "mouse" && show(under(event)));
  picture.addEventListener("pointerleave", () => show(chosen));
  show(chosen);
}

/** A scale for what a picture adds: whatever changes has its words for each stop. */
function scaled(picture) {
  const line = picture.querySelector(".v-scale");
  if (!line) return;
  const cells = [...picture.querySelectorAll("[data-stops]")];
  const words = cells.map(cell => cell.dataset.stops.split("|"));
  const [stops] = words;
  const show = now => cells.forEach((cell, n) => {
    cell.textContent = words[n][stops.indexOf(now)];
    cell.classList.toggle("v-lost", cell.textContent === "nan");
  });
  const scale = slider(line.firstChild.textContent.replace(/:\s*$/, ""), stops, stops.at(-1), show);
  line.append(scale.node);
  show(stops.at(-1));
}

/** A sentence, and below it the lines of code. */
function formatted(text) {
  const [sentence, ...lines] = text.split("\n");
  if (!lines.length) return inline(sentence);
  const code = lines.filter(line => !line.trim().startsWith("```"));
  const indent = Math.min(...code.filter(line => line.trim()).map(line => line.search(/\S/)));
  return [...inline(sentence), h("pre", {}, code.map(line => h("span", {}, line.slice(indent) || " ")))];
}
