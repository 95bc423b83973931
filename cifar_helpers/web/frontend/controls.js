// Controls shared by all widgets: one tab stop per group, arrow keys inside it.
import { h, write } from "./ui.js";
import { chance, clamp } from "./numbers.js";

const VISIBLE = 0.03; // of a probability: smaller changes are not marked

/** Whether a key belongs to the browser, as Alt + ← does, which goes back a page. @param {KeyboardEvent} event */
export const isShortcut = event => event.ctrlKey || event.metaKey || event.altKey;

/**
 * A choice of one, as radio buttons in a row.
 * @param {string} label
 * @param {{value: any, text: any, name?: string}[]} options `name` is an accessible name, if the text alone says too little
 * @param {any} value
 * @param {(value: any) => void} chosen
 * @returns {{node: any, buttons: any[], set: (value: any) => void}}
 */
export function segmented(label, options, value, chosen) {
  const buttons = options.map(({ value: own, text, name }) => {
    const words = typeof text === "string" ? text : undefined; // the room of the bold text is kept, see theme.css
    const rest = { "aria-label": name, "data-text": words, onclick: () => pick(own) };
    return h("button", { type: "button", role: "radio", ...rest }, text);
  });
  const node = h("div", { class: "cw-seg", role: "radiogroup", "aria-label": label }, buttons);
  const set = now => {
    value = now;
    const known = options.some(option => option.value === now);
    buttons.forEach((button, k) => {
      const on = options[k].value === now;
      button.setAttribute("aria-checked", on);
      button.tabIndex = on || (!known && k === 0) ? 0 : -1;
    });
  };
  const pick = now => {
    set(now);
    chosen(now);
  };
  node.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || isShortcut(event)) return;
    event.preventDefault();
    const k = (options.findIndex(option => option.value === value) + step + options.length) % options.length;
    pick(options[k].value);
    buttons[k].focus();
  });
  set(value);
  return { node, buttons, set };
}

/**
 * A control with its label in front.
 * @param {string} label
 * @param {any} control of `segmented` or `slider`
 */
export function field(label, control) {
  return h("div", { class: "cw-field" }, h("span", { class: "cw-cap", "aria-hidden": "true" }, label), control.node);
}

/**
 * One tab stop for a group of buttons: arrow keys move the focus, Enter or space presses a button.
 * @param {HTMLElement} node
 * @param {any[]} buttons
 */
export function roving(node, buttons) {
  const stop = at => buttons.forEach((button, k) => {
    button.tabIndex = k === at ? 0 : -1;
  });
  node.addEventListener("focusin", event => stop(Math.max(0, buttons.indexOf(event.target))));
  arrows(node, (down, right) => {
    const at = buttons.findIndex(button => button.tabIndex === 0) + down + right;
    buttons[clamp(at, 0, buttons.length - 1)].focus();
  });
  stop(0);
}

/**
 * A slider over named stops.
 * @param {string} label
 * @param {any[]} stops
 * @param {any} value one of the stops
 * @param {(value: any) => void} moved
 * @param {(value: any) => string} [say] a stop in words
 * @returns {{node: any, set: (value: any) => void}}
 */
export function slider(label, stops, value, moved, say = String) {
  const node = h("input", {
    class: "cw-slider", type: "range", min: 0, max: stops.length - 1, step: 1, "aria-label": label,
  });
  const set = now => {
    node.value = stops.indexOf(now);
    node.setAttribute("aria-valuetext", say(now));
  };
  node.addEventListener("input", () => {
    const now = stops[+node.value];
    node.setAttribute("aria-valuetext", say(now));
    moved(now);
  });
  // A swipe that scrolls the page begins like a press, and changes nothing.
  let before = node.value;
  node.addEventListener("pointerdown", () => (before = node.value));
  node.addEventListener("pointercancel", () => {
    node.value = before;
    node.dispatchEvent(new Event("input"));
  });
  set(value);
  return { node, set };
}

/**
 * A button.
 * @param {string} text
 * @param {() => void} pressed
 * @param {{main?: boolean, name?: string}} [options] `main` for the one that matters
 */
export function button(text, pressed, { main = false, name } = {}) {
  const look = main ? "cw-button cw-main" : "cw-button";
  return h("button", { type: "button", class: look, "aria-label": name, onclick: pressed }, text);
}

/**
 * Arrow keys for an element that moves in two directions: Shift moves by five, Home and End go to the sides.
 * @param {HTMLElement} node
 * @param {(down: number, right: number) => void} moved
 */
export function arrows(node, moved) {
  node.addEventListener("keydown", event => {
    const far = event.shiftKey ? 5 : 1;
    const step = {
      ArrowUp: [-far, 0], ArrowDown: [far, 0], ArrowLeft: [0, -far], ArrowRight: [0, far],
      Home: [0, -1e6], End: [0, 1e6], PageUp: [-1e6, 0], PageDown: [1e6, 0],
    }[event.key];
    if (!step || isShortcut(event)) return;
    event.preventDefault();
    moved(step[0], step[1]);
  });
}

/**
 * Attributes of what arrow keys move over pixels, maps or numbers. Screen readers hand the keys to a slider and speak
 * where it stands; Orca takes an element of role `application` for a page of its own, on which keys do nothing.
 * @param {string} kind what it is, for screen readers
 */
export const movable = kind => ({ tabindex: 0, role: "slider", "aria-roledescription": kind, "aria-valuenow": 0 });

/**
 * Where it stands, for screen readers.
 * @param {HTMLElement} node
 * @param {number} now from 0 to `last`
 * @param {number} last
 * @param {string} words
 */
export function stands(node, now, last, words) {
  node.setAttribute("aria-valuemax", last);
  node.setAttribute("aria-valuenow", now);
  node.setAttribute("aria-valuetext", words);
}

/**
 * The row and column under the pointer, in an element that is divided into rows and columns.
 * @param {HTMLElement} node
 * @param {PointerEvent | MouseEvent} event
 * @param {number} rows
 * @param {number} columns
 * @returns {[number, number]} clipped to the element
 */
export function cellUnder(node, event, rows, columns) {
  const box = node.getBoundingClientRect();
  const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
  const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
  return [clamp(row, 0, rows - 1), clamp(column, 0, columns - 1)];
}

/**
 * Bars for the class probabilities, with the largest one marked.
 * @param {string[]} classes
 * @returns {{node: any, set: (probabilities: ArrayLike<number>, earlier?: ArrayLike<number>) => void}} `set` marks earlier
 *     ones on the bars that have changed visibly, if there are any
 */
export function probabilityBars(classes) {
  const rows = classes.map(name => {
    const fill = h("i");
    return [h("span", {}, name), h("span", { class: "bar" }, fill), h("span", { class: "value" }), fill];
  });
  const node = h("div", { class: "cw-bars", role: "img" }, rows.flatMap(row => row.slice(0, 3)));
  return {
    node,
    set(probabilities, earlier) {
      const list = Array.from(probabilities);
      const best = list.indexOf(Math.max(...list));
      rows.forEach(([name, bar, value, fill], k) => {
        fill.style.width = `${list[k] * 100}%`;
        const isMarked = earlier && Math.abs(earlier[k] - list[k]) >= VISIBLE;
        bar.classList.toggle("was", Boolean(isMarked));
        if (isMarked) bar.style.setProperty("--was", `${earlier[k] * 100}%`);
        write(value, chance(list[k]));
        for (const part of [name, bar]) part.classList.toggle("top", k === best);
      });
      const words = list.map((p, k) => [p, `${classes[k]} ${chance(p)}`]).sort((a, b) => b[0] - a[0]);
      node.setAttribute("aria-label", `Probabilities: ${words.slice(0, 3).map(pair => pair[1]).join(", ")}`);
    },
  };
}
