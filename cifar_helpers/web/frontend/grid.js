// A square of numbers, which may be edited: type, drag, scroll, or use the arrow keys.
import { h } from "./ui.js";
import { css, inkOn } from "./colour.js";
import { show, parse } from "./numbers.js";

const PIXELS_PER_STEP = 5;
const LARGEST = 100;

/** Hundredths: what is dragged or stepped should read well. */
const tidy = value => Math.round(value * 100) / 100;

/**
 * @param {number} rows
 * @param {number} columns
 * @param {string} label
 * @param {(k: number, value: number) => void} [edited] makes the cells spin buttons; called at the input event
 * @returns {{node: any, cells: any[], set: (numbers: ArrayLike<number>,
 *     colour: (v: number, k: number) => number[] | null, text?: (v: number, k: number) => string) => void}} a cell
 *     whose colour is null is left to the widget's own CSS
 */
export function numberGrid(rows, columns, label, edited) {
  const node = h("div", {
    class: edited ? "cw-grid cw-edit" : "cw-grid", role: "group", "aria-label": label, style: `--n:${columns}`,
  });
  const values = new Float64Array(rows * columns);
  const cells = Array.from(values, (_, k) =>
    edited ? editable(k) : h("div", { "aria-hidden": "true" }),
  );
  node.append(...cells);

  /** @param {number} k */
  function editable(k) {
    const cell = h("input", {
      type: "text", role: "spinbutton", autocomplete: "off", spellcheck: "false",
      "aria-label": `${label}, row ${Math.floor(k / columns) + 1}, column ${(k % columns) + 1}`,
    });
    // The number counts at once and not at the next frame: a second key may come before it.
    const put = value => {
      values[k] = Math.max(-LARGEST, Math.min(LARGEST, Math.round(value * 1e6) / 1e6));
      edited?.(k, values[k]);
    };
    const step = by => {
      put(tidy(values[k] + by));
      restore();
      if (focused(cell)) cell.select();
    };
    const restore = () => {
      cell.value = show(values[k]);
      cell.removeAttribute("aria-invalid");
    };
    const wholeSelected = () => cell.selectionEnd - cell.selectionStart === cell.value.length;
    cell.addEventListener("input", () => {
      const value = parse(cell.value);
      if (Number.isNaN(value) || Math.abs(value) > LARGEST) cell.setAttribute("aria-invalid", "true");
      else {
        cell.removeAttribute("aria-invalid");
        put(value);
      }
    });
    cell.addEventListener("focus", () => cell.select());
    cell.addEventListener("blur", restore);
    cell.addEventListener("keydown", event => {
      const size = event.shiftKey ? 1 : event.altKey ? 0.01 : 0.1;
      const go = { Enter: event.shiftKey ? -columns : columns, ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "ArrowUp" || event.key === "ArrowDown") {
        event.preventDefault();
        step(event.key === "ArrowUp" ? size : -size);
      } else if (event.key === "Escape") {
        restore();
        cell.select();
      } else if (go && (event.key === "Enter" || wholeSelected())) {
        // Left and right leave a cell only while its whole number is selected, as on arrival; else they move the caret.
        event.preventDefault();
        cells[(k + go + cells.length) % cells.length].focus();
      }
    });
    cell.addEventListener(
      "wheel",
      event => {
        if (!focused(cell)) return; // never on hover: the page must scroll
        event.preventDefault();
        step((event.deltaY < 0 ? 1 : -1) * (event.shiftKey ? 1 : 0.1));
      },
      { passive: false },
    );
    draggable(cell, () => values[k], value => {
      put(tidy(value));
      restore();
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
        cell.style.background = rgb ? css(rgb) : "";
        cell.style.color = rgb ? inkOn(rgb) : "";
        if (!edited) {
          if (cell.textContent !== words) cell.textContent = words;
          return;
        }
        cell.setAttribute("aria-valuenow", +values[k].toFixed(4));
        cell.setAttribute("aria-valuetext", words);
        if (!focused(cell) && cell.value !== words) cell.value = words;
      });
    },
  };
}

/** @param {HTMLElement} element */
function focused(element) {
  return /** @type {ShadowRoot} */ (element.getRootNode()).activeElement === element;
}

/**
 * A number is dragged up or to the right for more, a tenth for each five pixels, with shift a whole.
 * @param {any} cell
 * @param {() => number} now
 * @param {(value: number) => void} put
 */
function draggable(cell, now, put) {
  /** @type {{x: number, y: number, value: number, moving: boolean} | null} */
  let start = null;
  cell.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    if (event.pointerType === "mouse" && !focused(cell)) {
      event.preventDefault(); // a first press selects the number instead of setting the caret
      cell.focus();
    }
    start = { x: event.clientX, y: event.clientY, value: now(), moving: false };
  });
  cell.addEventListener("pointermove", event => {
    if (!start) return;
    const way = event.clientX - start.x - (event.clientY - start.y);
    if (!start.moving && Math.abs(way) > 4) {
      start.moving = true;
      cell.setPointerCapture(event.pointerId);
    }
    if (start.moving) {
      event.preventDefault();
      put(start.value + Math.trunc(way / PIXELS_PER_STEP) * (event.shiftKey ? 1 : 0.1));
    }
  });
  const end = () => {
    start = null;
  };
  cell.addEventListener("pointerup", end);
  cell.addEventListener("pointercancel", end);
}
