// A square of numbers, which may be edited: type, drag, scroll, or use the arrow keys.
import { h } from "./ui.js";
import { css, inkOn } from "./colour.js";
import { show, parse } from "./numbers.js";

const PIXELS_PER_STEP = 5;
const LARGEST = 100;

const isFocused = element => element.getRootNode().activeElement === element;

/**
 * A cell whose colour is null is left to the widget's own CSS.
 * @param {number} rows
 * @param {number} columns
 * @param {string} label
 * @param {(k: number, value: number) => void} [edited] makes the cells spin buttons; called at the input event
 * @returns {{node: any, cells: any[], set: (numbers: ArrayLike<number | null>,
 *     colour: (v: number, k: number) => number[] | null, text?: (v: number, k: number) => string) => void}}
 */
export function numberGrid(rows, columns, label, edited) {
  const values = new Float64Array(rows * columns);
  const backgrounds = Array(rows * columns);
  const cells = Array.from(values, (_, k) => (edited ? editable(k) : h("div", { "aria-hidden": "true" })));
  const kind = edited ? "cw-grid cw-edit" : "cw-grid";
  const node = h("div", { class: kind, role: "group", "aria-label": label, style: `--n:${columns}` }, cells);

  /** @param {number} k */
  function editable(k) {
    /** @type {{x: number, y: number, value: number, steps: number} | null} where a drag began */
    let drag = null;
    // The number counts at once and not at the next frame: a second key may come before it.
    const put = value => {
      values[k] = Math.max(-LARGEST, Math.min(LARGEST, Math.round(value * 1e6) / 1e6));
      edited?.(k, values[k]);
    };
    const accepted = () => {
      cell.removeAttribute("aria-invalid");
      node.removeAttribute("data-wrong");
    };
    const restore = () => {
      cell.value = show(values[k]);
      accepted();
    };
    const change = value => {
      put(Math.round(value * 100) / 100);
      if (!isFocused(cell)) return restore();
      accepted();
      cell.setRangeText(show(values[k]), 0, cell.value.length, "select");
    };
    const cell = h("input", {
      type: "text", role: "spinbutton", autocomplete: "off", spellcheck: "false",
      "aria-label": `${label}, row ${Math.floor(k / columns) + 1}, column ${(k % columns) + 1}`,
      oninput() {
        const value = parse(cell.value);
        const isWrong = Number.isNaN(value) || Math.abs(value) > LARGEST;
        if (!isWrong) {
          put(value);
          accepted();
          return;
        }
        cell.setAttribute("aria-invalid", "true");
        node.dataset.wrong = Number.isNaN(value) ? "a number: 0.5 or 1/9" : `from −${LARGEST} to ${LARGEST}`;
      },
      onfocus: () => cell.select(),
      onblur() {
        const isWrong = cell.hasAttribute("aria-invalid");
        restore();
        if (isWrong) node.dataset.wrong = `ignored: it is still ${cell.value}`; // until the next entry
      },
      onkeydown(event) {
        const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
        const go = { Enter: event.shiftKey ? -columns : columns, ArrowLeft: -1, ArrowRight: 1 }[event.key];
        // Left and right leave a cell only while its whole number is selected, as on arrival; else they move the caret.
        const isWhole = cell.selectionEnd - cell.selectionStart === cell.value.length;
        if (event.key === "Escape") {
          restore();
          cell.select();
        }
        if (!way && !(go && (event.key === "Enter" || isWhole))) return;
        event.preventDefault();
        if (event.key === "Enter" && cell.getAttribute("aria-invalid") === "true") return; // its message stays
        if (way) change(values[k] + way * (event.shiftKey ? 1 : event.altKey ? 0.01 : 0.1));
        else cells[(k + go + cells.length) % cells.length].focus();
      },
      onwheel(event) {
        if (!isFocused(cell)) return; // never on hover: the page must scroll
        event.preventDefault();
        change(values[k] + (event.deltaY < 0 ? 1 : -1) * (event.shiftKey ? 1 : 0.1));
      },
      onpointerdown(event) {
        if (event.button !== 0) return;
        if (event.pointerType === "mouse" && !isFocused(cell)) {
          event.preventDefault(); // a first press selects the number instead of setting the caret
          cell.focus();
        }
        cell.setPointerCapture(event.pointerId);
        drag = { x: event.clientX, y: event.clientY, value: values[k], steps: 0 };
      },
      onpointermove(event) {
        if (!drag) return;
        const steps = Math.trunc((event.clientX - drag.x - (event.clientY - drag.y)) / PIXELS_PER_STEP);
        if (steps === drag.steps) return;
        drag.steps = steps;
        change(drag.value + steps * (event.shiftKey ? 1 : 0.1));
      },
      onlostpointercapture: () => {
        drag = null;
      },
      // After a drag the number is selected, and a press would drag its text into another cell.
      ondragstart: event => event.preventDefault(),
    });
    return cell;
  }

  return {
    node,
    cells,
    set(numbers, colour, text = value => show(value)) {
      cells.forEach((cell, k) => {
        values[k] = numbers[k];
        const rgb = colour(values[k], k);
        const words = text(values[k], k);
        const background = rgb ? css(rgb) : "";
        if (backgrounds[k] !== background) {
          backgrounds[k] = background;
          cell.style.background = background;
          cell.style.color = rgb ? inkOn(rgb) : "";
        }
        const property = edited ? "value" : "textContent";
        if (cell[property] !== words && !(edited && isFocused(cell))) cell[property] = words;
        if (!edited) return;
        cell.setAttribute("aria-valuenow", +values[k].toFixed(4));
        cell.setAttribute("aria-valuetext", words);
      });
    },
  };
}
