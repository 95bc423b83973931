// Shared by all widgets: elements, a shadow root, the theme, animation frames, and words for screen readers.
import theme from "./theme.css";
import { ramp, inkOn } from "./colour.js";

const PATIENCE = 8000; // milliseconds for an answer from Python before the reader hears of it

/**
 * An HTML element. Properties that begin with "on" are listeners; false and null leave an attribute out.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null | undefined | (Node | string | null | undefined)[])} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") element.style.cssText = value; // not an attribute, which a strict page may forbid
    else if (value !== false && value != null) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(.../** @type {(Node | string)[]} */ (children.flat().filter(child => child != null)));
  return element;
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Record<string, string | number>} [properties]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function svg(tag, properties = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(properties)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** Writes a text unless it is there: the same text written again would be laid out again. @param {any} node @param {string} text */
export function write(node, text) {
  if (node.textContent === text) return;
  const only = node.childNodes.length === 1 && node.firstChild;
  if (text && only.data) only.data = text; // a new text node would have its box made anew
  else node.textContent = text;
}

/**
 * A sentence with `code` in backticks and *emphasis* as elements.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export function inline(text) {
  return text.split("`").flatMap((part, k) => {
    if (k % 2) return [h("code", {}, part)];
    return part.split(/(?<![\w*])\*(?=\S)([^*]+)\*(?![\w*])/).map((piece, n) => (n % 2 ? h("em", {}, piece) : piece));
  });
}

/**
 * A canvas whose content is described elsewhere in words.
 * @param {number} [width]
 * @param {number} [height]
 * @returns {HTMLCanvasElement}
 */
export function canvas(width = 1, height = 1) {
  return h("canvas", { width, height, "aria-hidden": "true" });
}

/**
 * The place of a widget on its page: a shadow root, so that neither's styles reach the other's elements.
 * @param {HTMLElement} el where the widget goes
 * @param {string} name its module, as a class of the root: "kernel_bench"
 * @param {string} label its accessible name
 * @param {string} styles its own CSS
 * @param {() => void} recoloured called after each later change of theme
 * @returns {{root: any, colours: () => Uint8Array, say: (text: string) => void, close: () => void}} the root to
 *     append to; the colour scale of the theme (see `ramp`); `say` announces a sentence to screen readers after half a
 *     second of rest; `close` removes the widget
 */
export function mount(el, name, label, styles, recoloured) {
  const host = h("div", { "data-cifar-widget": name });
  // JupyterLab takes arrows and letters for its own shortcuts, unless the focused element (the host) has this; saving
  // is left to it. It decides at the document, so this is decided before.
  const keys = event => host.toggleAttribute("data-lm-suppress-shortcuts", !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s");
  addEventListener("keydown", keys, true);
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(theme + styles);
  shadow.adoptedStyleSheets = [sheet];
  const root = h("div", { class: `cw ${name}`, role: "group", "aria-label": label });
  const words = h("div", { class: "cw-sr", role: "status", "aria-live": "polite" });
  shadow.append(root, words);
  el.append(host);
  let table = new Uint8Array();
  let known = false;
  const read = () => {
    known = root.isConnected; // otherwise the tokens have no values
    root.dataset.theme = themeBehind(host);
    table = ramp(root);
  };
  const decide = () => {
    if (!root.isConnected || (known && root.dataset.theme === themeBehind(host))) return;
    read();
    recoloured();
  };
  read();
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", decide);
  const watch = new MutationObserver(decide);
  for (const element of [document.documentElement, document.body]) watch.observe(element, { attributes: true });
  const arrival = new ResizeObserver(decide); // some hosts attach the element after render(), and not in the next frame
  arrival.observe(host);
  return {
    root,
    colours: () => table,
    say: settled(text => {
      words.textContent = text;
    }, 500),
    close() {
      media.removeEventListener("change", decide);
      watch.disconnect();
      arrival.disconnect();
      removeEventListener("keydown", keys, true);
      host.remove();
    },
  };
}

/** The background behind the widget decides between dark and light, whatever the host is built with. */
function themeBehind(host) {
  for (let e = above(host); e; e = above(e)) {
    const numbers = getComputedStyle(e).backgroundColor.match(/[\d.]+/g)?.map(Number);
    if (numbers && (numbers[3] ?? 1) > 0.5) return inkOn(numbers) === "#fff" ? "dark" : "light";
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** @param {Element} element */
function above(element) {
  return element.parentElement ?? /** @type {ShadowRoot} */ (element.getRootNode()).host;
}

/**
 * At most one call of `draw` per frame, however often it is requested.
 * @param {() => void} draw
 * @returns {() => void}
 */
export function framed(draw) {
  let due = 0;
  return () => {
    due ||= requestAnimationFrame(() => {
      due = 0;
      draw();
    });
  };
}

/**
 * The last of several calls, `wait` milliseconds after they stop.
 * @template {any[]} A
 * @param {(...values: A) => void} call
 * @param {number} [wait]
 * @returns {(...values: A) => void}
 */
export function settled(call, wait = 150) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), wait);
  };
}

/**
 * The state of a widget: reads and writes traits, and reacts to Python's changes but not to its own.
 * @param {Model} model
 * @param {Record<string, () => void>} heard called when Python has changed a trait
 * @returns {{set: (values: Record<string, any>) => void, close: () => void}} `set` writes at once and notifies Python
 *     120 ms after the last change
 */
export function binding(model, heard) {
  let own = false;
  const save = settled(() => model.save_changes(), 120);
  const listeners = Object.entries(heard).map(([name, react]) => [`change:${name}`, () => own || react()]);
  for (const [event, listener] of listeners) model.on(event, listener);
  return {
    set(values) {
      own = true;
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      own = false;
      save();
    },
    close() {
      for (const [event, listener] of listeners) model.off(event, listener);
    },
  };
}

/**
 * Bytes that arrive as a DataView, an ArrayBuffer or an array.
 * @param {any} data
 * @returns {Uint8Array}
 */
export function bytesOf(data) {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Uint8Array.from(data);
}

/**
 * Messages to Python, which may be busy, or no longer there: where no answer comes, the widget says so.
 * @param {Model} model
 * @param {HTMLElement} [root] of the widget
 * @returns {{send: (message: any) => void, heard: () => void}} `heard` is called when the answer is here
 */
export function asking(model, root) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const late = h("p", { class: "cw-cap", role: "status" }, "Python has not answered yet. If no cell is running, run this one again.");
  const say = () => root?.prepend(late);
  return {
    send(message) {
      clearTimeout(timer);
      timer = setTimeout(say, PATIENCE);
      try {
        model.send?.(message);
      } catch { // the kernel was restarted
        say();
      }
    },
    heard() {
      clearTimeout(timer);
      late.remove();
    },
  };
}

/**
 * `load` in a notebook: bytes by name, requested from Python once and kept. A page passes its own `load` to render.
 * @param {Model} model
 * @param {HTMLElement} [root] of the widget, which says where Python does not answer
 * @returns {(name: string) => Promise<Uint8Array>}
 */
export function loader(model, root) {
  /** @type {Map<string, Promise<Uint8Array>>} */
  const asked = new Map();
  const waiting = new Map();
  model.on("msg:custom", (message, buffers) => {
    if (message?.type !== "loaded" || !waiting.has(message.name)) return;
    const { resolve, reject } = waiting.get(message.name);
    waiting.delete(message.name);
    if (!waiting.size) heard();
    if (message.error) reject(new Error(message.error));
    else resolve(bytesOf(buffers[0]));
  });
  const { send, heard } = asking(model, root);
  const ask = name =>
    new Promise((resolve, reject) => {
      waiting.set(name, { resolve, reject });
      send({ type: "load", name });
    });
  return name => {
    if (!asked.has(name)) asked.set(name, ask(name));
    return /** @type {Promise<Uint8Array>} */ (asked.get(name));
  };
}

/**
 * @typedef {object} Model the part of the host's model that a widget uses
 * @property {(name: string) => any} get
 * @property {(name: string, value: any) => void} set
 * @property {(event: string, listener: (...values: any[]) => void) => void} on
 * @property {(event: string, listener?: (...values: any[]) => void) => void} off
 * @property {() => void} save_changes
 * @property {(message: any) => void} [send] to Python, if there is one
 */

/** A model without Python. */
export class LocalModel {
  /** @type {Map<string, Set<(...values: any[]) => void>>} */
  listeners = new Map();

  /** @param {Record<string, any>} state */
  constructor(state) {
    this.state = { ...state };
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    this.listeners.get(`change:${name}`)?.forEach(listener => listener());
  }

  on(event, listener) {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event)?.add(listener);
  }

  off(event, listener) {
    this.listeners.get(event)?.delete(listener);
  }

  save_changes() {}
}
