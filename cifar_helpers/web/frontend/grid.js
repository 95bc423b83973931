// A square of numbers, which may be edited: type, drag, scroll, or use the arrow keys.
import { h } from "./ui.js";
import { css, inkOn } from "./colour.js";
import { clamp, show, parse } from "./numbers.js";

const PIXELS_PER_STEP = 5;
const SCROLL_PER_STEP = 40; // less than a notch of a wheel; a touchpad tells of single pixels
const LARGEST = 100;
const BEGUN = /^\s*[+−–-]?(\d*[.,]?\d*\/?|[.,])\s*$/; // may become a number yet, as "−" or "1/" may

const isFocused = element => element.getRootNode().activeElement === element;
/** Why a text is no number for a cell; empty where it is one. @param {string} text */
const fault = text => {
  const value = parse(text);
  if (Number.isNaN(value)) return "a number: 0.5 or 1/9";
  return Math.abs(value) > LARGEST ? `from −${LARGEST} to ${LARGEST}` : "";
};

/**
 * A cell whose colour is null is left to the widget's own CSS.
 * @param {number} rows
 * @param {number} columns
 * @param {string} label
 * @param {(k: number, value: number) => void} [edited] makes the cells spin buttons; called at the input event
 * @returns {{node: any, cells: any[], release: () => boolean, set: (numbers: ArrayLike<number | null>,
 *     colour: (v: number, k: number) => number[] | null, text?: (v: number, k: number) => string) => void}} `set` leaves
 *     what is being typed alone, until `release`, which tells whether that was no number
 */
export function numberGrid(rows, columns, label, edited) {
  const values = new Float64Array(rows * columns);
  const backgrounds = Array(rows * columns);
  /** @type {{cell: any, text: string, back: () => void} | null} the cell that is being typed in, and what takes that back */
  let typed = null;
  /** @type {{cell: any, pointer: number, x: number, y: number, value: number, steps: number, isLevel?: boolean} | null} there
   *     is one drag: a second finger waits */
  let drag = null;
  const cells = Array.from(values, (_, k) => (edited ? editable(k) : h("div", { "aria-hidden": "true" }, "")));
  const kind = edited ? "cw-grid cw-edit" : "cw-grid";
  const node = h("div", { class: kind, role: "group", "aria-label": label, style: `--n:${columns}` }, cells);

  /** @param {number} k */
  function editable(k) {
    let scrolled = 0;
    // The number counts at once and not at the next frame: a second key may come before it.
    const put = value => {
      values[k] = clamp(Math.round(value * 1e6) / 1e6, -LARGEST, LARGEST);
      edited?.(k, values[k]);
    };
    const judge = wrong => {
      if (wrong) cell.setAttribute("aria-invalid", "true");
      else cell.removeAttribute("aria-invalid");
      if (wrong) node.dataset.wrong = wrong;
      else node.removeAttribute("data-wrong");
    };
    const restore = () => {
      typed = null;
      write(cell, show(values[k]));
      judge("");
    };
    /** A new entry begins unless its text goes on from the last one: "5/0" does from "5/". @param {string} text */
    const enter = text => {
      const goesOn = typed?.cell === cell && text && (text.startsWith(typed.text) || typed.text.startsWith(text));
      const before = values[k];
      const back = goesOn && typed ? typed.back : () => {
        if (values[k] === before) return;
        values[k] = before;
        edited?.(k, before);
      };
      typed = { cell, text, back };
    };
    const change = value => {
      typed = null; // so `set` writes the number in the next frame; here the page would be laid out twice
      judge("");
      put(Math.round(value * 100) / 100);
    };
    const cell = h("input", {
      type: "text", role: "spinbutton", autocomplete: "off", spellcheck: "false",
      "aria-label": `${label}, row ${Math.floor(k / columns) + 1}, column ${(k % columns) + 1}`,
      oninput() {
        enter(cell.value);
        const wrong = fault(cell.value);
        if (!wrong) put(parse(cell.value));
        judge(BEGUN.test(cell.value) && Number.isNaN(parse(cell.value)) ? "" : wrong);
      },
      onfocus() {
        scrolled = 0;
        cell.select();
      },
      onblur() {
        const isWrong = fault(cell.value);
        if (isWrong) typed?.back(); // "5/" was 5 on its way to what is no number
        restore();
        if (isWrong) node.dataset.wrong = `ignored: it is still ${cell.value}`; // until the next entry
      },
      onkeydown(event) {
        const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
        const go = { Enter: event.shiftKey ? -columns : columns, ArrowLeft: -1, ArrowRight: 1 }[event.key];
        // Left and right leave a cell only while its whole number is selected, as on arrival; else they move the caret.
        const isWhole = cell.selectionEnd - cell.selectionStart === cell.value.length;
        if (event.key === "Escape") {
          typed?.back();
          restore();
        }
        if (event.ctrlKey || event.metaKey || (event.altKey && !way)) return; // Alt + ← goes back a page
        if (!way && !(go && (event.key === "Enter" || isWhole))) return;
        event.preventDefault();
        if (event.key === "Enter" && fault(cell.value)) return judge(fault(cell.value));
        if (way) change(values[k] + way * (event.shiftKey ? 1 : event.altKey ? 0.01 : 0.1));
        else cells[(k + go + cells.length) % cells.length].focus();
      },
      onwheel(event) {
        if (!isFocused(cell) || event.ctrlKey) return; // never on hover: the page must scroll
        event.preventDefault();
        const lines = event.deltaMode ? SCROLL_PER_STEP : 1;
        scrolled += (event.deltaY || event.deltaX) * lines; // with shift a wheel scrolls sideways
        if (Math.abs(scrolled) < SCROLL_PER_STEP) return;
        change(values[k] - Math.sign(scrolled) * (event.shiftKey ? 1 : 0.1));
        scrolled = 0;
      },
      onpointerdown(event) {
        if (event.button !== 0 || drag) return;
        if (event.pointerType === "mouse" && !isFocused(cell)) {
          event.preventDefault(); // a first press selects the number instead of setting the caret
          cell.focus();
        }
        cell.setPointerCapture(event.pointerId);
        drag = { cell, pointer: event.pointerId, x: event.clientX, y: event.clientY, value: values[k], steps: 0 };
      },
      onpointermove(event) {
        if (drag?.pointer !== event.pointerId || drag.cell !== cell) return;
        const [right, up] = [event.clientX - drag.x, drag.y - event.clientY];
        if (Math.hypot(right, up) < PIXELS_PER_STEP && drag.isLevel === undefined) return;
        // Its first movement decides: both ways at once would cancel. A finger goes sideways; up and down it scrolls the page.
        drag.isLevel ??= event.pointerType === "touch" || Math.abs(right) > Math.abs(up);
        const steps = Math.trunc((drag.isLevel ? right : up) / PIXELS_PER_STEP);
        if (steps === drag.steps) return;
        drag.steps = steps;
        change(drag.value + steps * (event.shiftKey ? 1 : 0.1));
      },
      onlostpointercapture(event) {
        if (drag?.pointer === event.pointerId) drag = null;
      },
      // After a drag the number is selected, and a press would drag its text into another cell.
      ondragstart: event => event.preventDefault(),
    });
    return cell;
  }

  /** The text of a cell; where it has the focus, it is selected. */
  function write(cell, words) {
    if (edited && isFocused(cell)) cell.setRangeText(words, 0, cell.value.length, "select");
    else if (edited) cell.value = words;
    else cell.firstChild.data = words; // a new text node would have its box made anew
  }

  return {
    node,
    cells,
    release() {
      const isWrong = Boolean(typed && fault(typed.cell.value));
      if (isWrong) typed?.back();
      typed?.cell.removeAttribute("aria-invalid");
      typed = null;
      node.removeAttribute("data-wrong");
      return isWrong;
    },
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
        if (cell[edited ? "value" : "textContent"] !== words && cell !== typed?.cell) write(cell, words);
        if (!edited) return;
        cell.setAttribute("aria-valuenow", +values[k].toFixed(4));
        cell.setAttribute("aria-valuetext", words);
      });
    },
  };
}
