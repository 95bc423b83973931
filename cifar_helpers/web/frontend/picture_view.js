// Shared by widgets that follow a picture through recorded weights: ways to provide one, networks by name, and the curve
// on which an epoch is chosen.
import own from "./picture_view.css";
import { h, canvas, mount, binding, bytesOf, loader } from "./ui.js";
import { chart } from "./chart.js";
import { paintBytes } from "./colour.js";
import { pictureInput, pictureStyles } from "./picture_input.js";
import { Network, decode } from "./network.js";
import { chance } from "./numbers.js";

const PIXELS = 32 * 32 * 3;
const REST = 120; // milliseconds without a change, after which there is time for other networks
const SLICE = 5; // milliseconds: most browsers compute a network in less

/**
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @param {{name: string, label: string, styles: string, redraw: () => void, heard: Record<string, () => void>}} widget
 *     its module, accessible name and CSS; draws it; and reacts to Python's changes
 * @returns {any} the result of `mount`, with `get`, `store`, `input`, `change`, and `problem` to be placed
 */
export function pictureView({ model, el, load }, { name, label, styles, redraw, heard }) {
  const place = mount(el, name, label, pictureStyles + own + styles, redraw);
  const get = load ?? loader(model, place.root);
  const store = networkStore(get, redraw);
  const state = binding(model, heard);
  const change = values => {
    state.set(values);
    redraw();
  };
  const problem = h("p", { role: "alert", hidden: true });
  const all = bytesOf(model.get("pictures"));
  const input = pictureInput({
    pictures: model.get("names").map((name, k) => ({ name, pixels: all.slice(k * PIXELS, (k + 1) * PIXELS) })),
    label: "The picture.",
    changed: pixels => change({ image: new DataView(pixels.slice().buffer) }),
    told: text => {
      problem.textContent = text;
      problem.hidden = !text;
    },
  });
  input.listen(place.root);
  return {
    ...place, get, store, input, change, problem,
    close() {
      store.close();
      input.close();
      state.close();
      place.close();
    },
  };
}

/**
 * A figure in a row: a name, a second line, and the content.
 * @param {string} name
 * @param {string} words
 * @param {...any} content
 */
export function figure(name, words, ...content) {
  const title = h("b", {}, name);
  const more = h("span", {}, words);
  const head = h("div", { class: "pv-head cw-cap", "aria-hidden": "true" }, title, h("br"), more);
  return { node: h("figure", { class: "pv-figure" }, head, ...content), title, more };
}

/**
 * The picture beside its own class in the bars, where another one is predicted.
 * @returns {(bars: any, own: number, best: number, pixels: Uint8Array) => number} draws it, for the class that the
 *     picture's name says and the one that is predicted, −1 for none; gives the class that is marked, or −1
 */
export function ownClass() {
  const thumb = canvas();
  return (bars, own, best, pixels) => {
    const isOther = own >= 0 && best >= 0 && own !== best;
    if (isOther) {
      bars.node.children[3 * own].append(thumb);
      paintBytes(thumb, pixels, 32, 32);
    }
    thumb.hidden = !isOther;
    return isOther ? own : -1;
  };
}

/** Points of a curve where there is a number. @param {(number | null)[]} shares by epoch, from 0 on */
export function pointsOf(shares) {
  return shares.flatMap((share, epoch) => (share === null ? [] : [[epoch, share]]));
}

/**
 * Accuracy by epoch, with a marker to drag, and dots where weights were kept.
 * @param {any} options of the chart, with `moved` of its marker
 * @param {import("./chart.js").Series[]} series
 * @param {{kept: number[], accuracy: (number | null)[], colour: string}} dots at these epochs; accuracies from epoch 0
 *     on, null where none was measured
 * @returns {ReturnType<typeof chart>}
 */
export function epochCurve({ label, moved, ...options }, series, { kept, accuracy, colour }) {
  const curve = chart({
    ...options, label: `${label} by epoch`, reads: true, x: { label: "epoch" }, y: { label, percent: true },
    marker: { label: "Epoch", moved },
  });
  const measured = kept.filter(epoch => accuracy[epoch] !== null);
  const dots = measured.map(epoch => ({ name: "", colour, points: [[epoch, accuracy[epoch]]] }));
  curve.set({ series: [...series, ...dots], x: [0, accuracy.length - 1], y: [0, 1] });
  return curve;
}

/** What an untrained network says: no class stands out. @param {number[]} probabilities */
export function guess(probabilities) {
  const ends = [Math.min, Math.max].map(end => chance(end(...probabilities)));
  return `a guess: ${ends.join("–").replace(" %", "")}`;
}

/**
 * What networks say to the model's picture. Each computes it once, and keeps its maps; those that are not shown do so
 * while the page is idle, so that a move from one to another only draws.
 * @param {import("./ui.js").Model} model
 * @param {() => Iterable<Network>} networks those that may be asked next
 * @param {(computed: boolean) => void} idle called after one has computed it, or where none is left
 * @returns {{of: (one: Network) => number[], isKnown: (one: Network) => boolean, ahead: () => void, stop: () => void}} `of`
 *     gives probabilities, and `isKnown` says whether they are computed; `ahead` waits for the page to be idle, and
 *     `stop` no longer
 */
export function answering(model, networks, idle) {
  /** @type {WeakMap<Network, {image: any, probabilities: number[]}>} */
  const answers = new WeakMap();
  /** @type {any} */
  let [timer, due] = [0, 0];
  const isKnown = one => answers.get(one)?.image === model.get("image");
  const of = one => {
    const image = model.get("image");
    if (!isKnown(one)) answers.set(one, { image, probabilities: one.forward(bytesOf(image)).probabilities });
    return /** @type {any} */ (answers.get(one)).probabilities;
  };
  const stop = () => {
    clearTimeout(timer);
    (window.cancelIdleCallback ?? clearTimeout)(due);
  };
  const ahead = () => {
    stop();
    timer = setTimeout(() => {
      due = (window.requestIdleCallback ?? setTimeout)(work);
    }, REST);
  };
  /** @param {any} [rest] */
  function work(rest) {
    const next = [...networks()].find(one => !isKnown(one));
    if (next && rest?.timeRemaining() < SLICE) return ahead();
    if (next) of(next);
    idle(Boolean(next));
  }
  return { of, isKnown, ahead, stop };
}

/**
 * Networks by the names of their weights files: loaded when they are needed, then the others, one by one.
 * @param {(name: string) => Promise<Uint8Array>} get
 * @param {() => void} changed called when a network is loaded, or could not be
 * @returns {{of: (name: string, next?: string[]) => {network?: Network, kind?: string, problem?: string}, close: () =>
 *     void}} `of` returns the network and the name of its class, or a problem, or neither while it loads
 */
function networkStore(get, changed) {
  /** @type {Map<string, {network?: Network, kind?: string, problem?: string}>} */
  const entries = new Map();
  let closed = false;

  async function ask(name, next) {
    entries.set(name, {});
    try {
      const decoded = decode(await get(name));
      entries.set(name, { network: new Network(decoded), kind: decoded.network });
    } catch (error) {
      entries.set(name, { problem: /** @type {Error} */ (error).message });
    }
    if (closed) return;
    changed();
    const missing = next.find(other => !entries.has(other));
    if (missing) ask(missing, next);
  }

  return {
    of(name, next = []) {
      if (!entries.has(name)) ask(name, next);
      return entries.get(name) ?? {};
    },
    close() {
      closed = true;
    },
  };
}
