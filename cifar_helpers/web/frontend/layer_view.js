// What widgets about one unit of a layer share: their networks, and pictures to choose from.
import { h, framed, binding } from "./ui.js";
import { filmstrip, wallStyles } from "./image_wall.js";
import { afterLoading } from "./loading.js";
import { termStyles } from "./terms.js";
import { Network, decode } from "./network.js";

export const SIDE = 32;
/** Short names of layers. */
export const SHORT = { convolution: "conv", "batch norm": "norm", pooling: "pool", "average pooling": "average" };
const BYTES = SIDE * SIDE * 3;
const EVERYTHING = { picture: true, layer: true };

/**
 * A widget with the traits of Python's `LayerWidget`.
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @param {{name: string, label: string, styles: string, networks: string[], show: (parts: any) => (stale: any) =>
 *     void}} widget its module, name, CSS and files of weights; and what builds it and gives what draws what is `stale`
 * @returns {() => void} takes it away
 */
export function layerView(host, { name, label, styles, networks: weights, show }) {
  return afterLoading(host, {
    name, label, styles: wallStyles + termStyles + styles, files: ["pictures", "labels", ...weights],
    show: (model, place, files, get) => view(model, place, files, get, show),
  });
}

/** "block 1, ReLU" as group and part; a layer without a group is its own. */
export function parts(name) {
  const [group, ...rest] = name.split(", ");
  const heading = group[0].toUpperCase() + group.slice(1);
  return rest.length ? [heading, rest.join(", ")] : ["", group];
}

function view(model, place, [pictures, labels, ...weights], get, show) {
  const networks = weights.map(bytes => new Network(decode(bytes)));
  const count = pictures.length / BYTES;
  const classes = model.get("classes");
  const pixelsOf = k => pictures.subarray(k * BYTES, (k + 1) * BYTES);
  const nameOf = k => (classes.length ? `${classes[labels[k]]}, picture ${k}` : `picture ${k}`);
  let stale = {};

  const redraw = framed(() => draw());
  const refresh = what => {
    for (const [part, isChanged] of Object.entries(what)) stale[part] ||= isChanged;
    redraw();
  };
  const state = binding(model, {
    layer: () => refresh({ layer: true }), picture: () => refresh({ picture: true }),
    channel: redraw, pixel: redraw, network: redraw, effective: redraw,
  });
  const change = values => {
    const layer = "layer" in values && values.layer !== model.get("layer");
    state.set(values);
    refresh({ layer, picture: "picture" in values });
  };

  const film = filmstrip({ count, pixels: pixelsOf, name: nameOf, chosen: picture => change({ picture }) });
  const title = h("span", { class: "cw-cap iw-name" });
  place.root.append(h("div", { class: "cw-bar" }, film.node, title));
  const drawAll = show({ ...place, model, get, networks, count, classes, labels, pixelsOf, nameOf, change, refresh });

  function draw() {
    if (stale.picture) {
      const k = model.get("picture");
      for (const network of networks) network.forward(pixelsOf(k));
      film.set(k);
      title.textContent = nameOf(k).replace(", ", "\n");
    }
    drawAll(stale);
    stale = {};
  }
  stale = { ...EVERYTHING };
  draw();
  return { recolour: () => refresh(EVERYTHING), close: state.close };
}
