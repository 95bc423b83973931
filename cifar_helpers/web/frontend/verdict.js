// The verdict on an answer to an exercise, with the reason and hints in steps.
import styles from "./verdict.css";
import { asking, binding, h, inline, mount, write } from "./ui.js";
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
  const { root, close, say } = mount(el, "verdict", `Exercise ${model.get("exercise")}`, styles, () => {});
  const python = asking(model, root);
  const state = binding(model, { hints: () => draw(), hints_left: () => draw() });
  const kind = model.get("verdict");
  const [mark, head] = HEADS[kind];
  const picture = h("div", { class: "v-picture" });
  picture.innerHTML = model.get("picture"); // drawn by the checks, never by the learner's code
  followed(picture);
  scaled(picture, say);
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

/**
 * A scale for what a picture adds: whatever changes has its words, or its width, for each stop. Below the picture's
 * question is between which stops the first broken one is, as far as they were seen, and then the answer.
 */
function scaled(picture, speak) {
  const line = picture.querySelector(".v-scale");
  if (!line) return;
  const nodes = [...picture.querySelectorAll("[data-stops]")];
  const changing = nodes.map(node => ({ node, words: atStops(node.dataset.stops) }));
  const [{ words: stops }] = changing;
  const remarks = changing.filter(({ node }) => node.matches(".v-remark *"));
  for (const { node, words } of remarks) { // keeps the room of the longest, so that nothing below it moves
    node.parentNode.dataset.longest = words.reduce((one, other) => (other.length > one.length ? other : one));
  }
  const broken = stops.findIndex((_, k) => changing.some(({ words }) => words[k] === "nan"));
  const answer = picture.querySelector(".v-ask span"); // unseen, it keeps the room
  const found = h("span");
  answer.after(found);
  let high = Infinity; // the lowest broken stop that was seen
  let low = -1; // and the highest other one

  function show(stop) {
    const k = stops.indexOf(stop);
    for (const { node, words } of changing) {
      if (node.matches("div")) node.style.width = words[k];
      else node.textContent = words[k];
      node.classList.toggle("v-lost", ["nan", "0 %"].includes(words[k]));
    }
    if (k < broken) low = Math.max(low, k);
    else high = Math.min(high, k);
    const isKnown = high - low === 1;
    picture.classList.toggle("v-known", isKnown);
    const between = `Broken at ${stops[high]}, correct at ${stops[low]}: the first is in between.`;
    const words = isKnown ? answer.textContent : high < Infinity && low >= 0 ? between : "";
    if (words !== found.textContent) speak(words);
    write(found, words);
  }

  const spoken = atStops(line.dataset.spoken);
  const say = stop => `${stop}. ${spoken[stops.indexOf(stop)]}`;
  const scale = slider(line.firstChild.textContent.replace(/:.*/, ""), stops, stops[0], show, say);
  const step = (text, by, name) => button(text, () => {
    scale.node.stepUp(by);
    scale.node.dispatchEvent(new Event("input"));
    speak(`${scale.node.getAttribute("aria-valuetext")}. ${found.textContent}`);
  }, { name });
  const track = h("span", { class: "v-track" }, scale.node, ticks(stops, broken));
  line.append(h("span", { class: "v-steps" }, step("−", -1, "One less"), track, step("+", 1, "One more")));
  show(stops[0]);
}

/** The words for each stop, of which an empty one is as before. */
function atStops(text) {
  const words = text.split("|");
  words.forEach((word, k) => (words[k] = word || words[k - 1]));
  return words;
}

/** Six numbers below a scale, and a zone on it from the stop where something breaks. */
function ticks(stops, broken) {
  const last = stops.length - 1;
  const at = k => `left: ${(k / last) * 100}%`;
  const shown = [0, 1, 2, 3, 4, 5].map(n => Math.round((n / 5) * last));
  const numbers = shown.map(k => h("span", { style: at(k) }, stops[k]));
  const zone = h("span", { class: "v-over", style: at(broken) });
  return h("span", { class: "v-ticks", "aria-hidden": "true" }, numbers, zone);
}

/** A sentence, and below it the lines of code. */
function formatted(text) {
  const [sentence, ...lines] = text.split("\n");
  if (!lines.length) return inline(sentence);
  const code = lines.filter(line => !line.trim().startsWith("```"));
  const indent = Math.min(...code.filter(line => line.trim()).map(line => line.search(/\S/)));
  return [...inline(sentence), h("pre", {}, code.map(line => h("span", {}, line.slice(indent) || " ")))];
}
