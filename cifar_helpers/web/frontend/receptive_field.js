// Point at a unit of any layer: what it sees, layer by layer back to the picture, and what excites its channel most.
import styles from "./receptive_field.css";
import { h, canvas, framed, binding } from "./ui.js";
import { at, paint, paintBytes, paintSigned } from "./colour.js";
import { fixed } from "./numbers.js";
import { cellUnder, segmented, slider } from "./controls.js";
import { picture } from "./picture.js";
import { filmStyles, filmstrip } from "./filmstrip.js";
import { afterLoading } from "./loading.js";
import { termStyles, termLine } from "./terms.js";
import { Network, decode } from "./network.js";
import { fieldsOf, sizeOf } from "./fields.js";

const SIDE = 32;
const BYTES = SIDE * SIDE * 3;

/**
 * Shows the widget.
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void} takes it away
 */
export function render(host) {
  return afterLoading(host, {
    name: "receptive_field", label: "Receptive field", styles: filmStyles + termStyles + styles, show,
    files: ["network", "pictures", "labels"],
  });
}

function show(model, { root, colours, say }, [weights, pictures, labels], get) {
  const network = new Network(decode(weights));
  const { layers } = network;
  const classes = model.get("classes");
  const names = model.get("layers");
  const stations = model.get("stations").map(([window, shown], k) => {
    const { shape } = layers[shown];
    return { name: names[k], window: layers[window], shown, count: shape[0], height: shape[1], width: shape[2] };
  });
  const sizes = stations.map(station => sizeOf(layers, station.shown));
  const margins = [0, ...stations.map(station => station.shown)].map(index => marginOf(layers, stations, index));
  const count = pictures.length / BYTES;
  const pixelsOf = k => pictures.subarray(k * BYTES, (k + 1) * BYTES);
  const nameOf = k => `${classes[labels[k]]}, picture ${k}`;
  /** The unit that the mouse is over: number of its station, and its place. */
  let hover = null;
  let best = null;
  let channelSlider = null;
  let stale = { picture: true, layer: true };

  const redraw = framed(draw);
  const refresh = what => {
    Object.assign(stale, what);
    redraw();
  };
  const state = binding(model, {
    layer: () => refresh({ layer: true }),
    channel: redraw,
    pixel: redraw,
    picture: () => refresh({ picture: true }),
  });
  // Python's changes come one by one: for a moment the map or the unit may be of another layer.
  const chosen = () => names.indexOf(model.get("layer"));
  const channelNow = () => Math.min(model.get("channel"), stations[chosen()].count - 1);
  const pixelNow = () => {
    const { height, width } = stations[chosen()];
    const [row, column] = model.get("pixel");
    return [Math.min(row, height - 1), Math.min(column, width - 1)];
  };

  function choose(k, row, column) {
    hover = null;
    const values = { layer: names[k], pixel: [row, column] };
    // Another layer has other maps: take the one that responds most here.
    if (k !== chosen()) values.channel = strongest(network.map(stations[k].shown), stations[k], row, column);
    state.set(values);
    refresh({ layer: true });
  }

  const film = filmstrip({
    count, side: SIDE, pixels: pixelsOf, name: nameOf,
    chosen: k => {
      state.set({ picture: k });
      refresh({ picture: true });
    },
  });
  const pictureName = h("span", { class: "cw-cap" });
  const big = padded("The picture, with the receptive field framed", SIDE, SIDE, margins[0]);
  big.node.classList.add("rf-big");
  const seen = h("span", { class: "cw-cap" });

  const many = stations.length > 6;
  const maps = stations.map((station, k) => {
    const margin = margins[k + 1];
    const { height, width } = station;
    const inside = (row, column) => [
      Math.max(0, Math.min(height - 1, row - margin)), Math.max(0, Math.min(width - 1, column - margin)),
    ];
    const label = `Units of ${station.name}. Arrow keys move the unit, page up and page down change the layer.`;
    const map = padded(label, height, width, margin, (row, column) => choose(k, ...inside(row, column)));
    map.node.addEventListener("pointermove", event => {
      if (event.buttons || event.pointerType !== "mouse") return;
      hover = { k, pixel: inside(...cellUnder(map.node, event, height + 2 * margin, width + 2 * margin)) };
      redraw();
    });
    map.node.addEventListener("pointerleave", () => {
      hover = null;
      redraw();
    });
    const head = h(
      "div", { class: "cw-head" }, h("b", {}, titleOf(station, many)), h("span", { class: "cw-cap" }, square(sizes[k])),
    );
    return { ...map, box: h("div", {}, head, map.node), margin };
  });
  const chain = h("div", { class: "rf-chain", role: "group", "aria-label": "Layers" }, maps.map(map => map.box));
  chain.classList.toggle("rf-many", many);
  chain.style.setProperty("--columns", String(Math.max(3, Math.ceil(Math.sqrt(maps.length * 1.5)))));
  chain.addEventListener(
    "keydown",
    event => {
      const step = { PageUp: -1, PageDown: 1 }[event.key];
      const next = chosen() + step;
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      if (!stations[next]) return;
      const [from, to] = [stations[chosen()], stations[next]];
      const [row, column] = pixelNow();
      choose(next, Math.floor((row * to.height) / from.height), Math.floor((column * to.width) / from.width));
      maps[next].node.tabIndex = 0;
      maps[next].node.focus();
    },
    true,
  );

  const terms = termLine();
  const channelName = h("span", { class: "cw-cap" });
  const channelPlace = h("div", {});
  const bestName = h("span", {}, `Searching ${count.toLocaleString("en")} pictures …`);
  const faces = Array.from({ length: Math.min(8, count) }, () => ({ face: canvas(), text: h("span") }));
  const gallery = segmented(
    "Most exciting pictures; choosing one shows it",
    faces.map(({ face, text }, k) => ({ value: k, text: h("span", {}, text, face) })),
    -1,
    k => {
      const { picture: number, row, column } = exciting()[k];
      state.set({ picture: number, pixel: [row, column] });
      refresh({ picture: true });
    },
  );
  gallery.node.hidden = true;
  const foot = h("span");

  root.append(
    h("div", { class: "cw-bar" }, film.node, pictureName),
    h(
      "div",
      { class: "rf-main" },
      h("div", {}, h("div", { class: "cw-head" }, h("b", {}, "What it sees"), seen), big.node),
      chain,
    ),
    h("div", { class: "rf-row" }, terms.node, h("div", { class: "rf-channel" }, channelName, channelPlace)),
    h("div", { class: "rf-best" }, h("div", { class: "cw-head" }, bestName), gallery.node),
    h(
      "div",
      { class: "cw-foot" },
      foot,
      h("span", { class: "cw-cap" }, "Layers not chosen show the mean size of all their maps."),
    ),
  );

  function draw() {
    if (stale.picture) {
      const k = model.get("picture");
      network.forward(pixelsOf(k));
      film.set(k);
      pictureName.textContent = nameOf(k);
      paintBytes(big.canvas, pixelsOf(k), SIDE, SIDE);
      stations.forEach((_, n) => drawMap(n));
    }
    if (stale.layer) {
      setSlider();
      stations.forEach((_, n) => drawMap(n));
    }
    stale = {};
    drawMap(chosen());
    drawUnit();
    drawBest();
  }

  function setSlider() {
    const stops = Array.from({ length: stations[chosen()].count }, (_, c) => c);
    const control = slider("Map", stops, channelNow(), c => {
      state.set({ channel: c });
      redraw();
    });
    channelPlace.replaceChildren(control.node);
    channelSlider = control;
  }

  /** The chosen layer shows the chosen map; the others the mean size of all theirs, for units read all maps. */
  function drawMap(k) {
    const { shown, count: channels, height, width } = stations[k];
    const values = network.map(shown);
    const size = height * width;
    if (k === chosen()) {
      paintSigned(maps[k].canvas, values, height, width, colours(), { from: channelNow() * size });
      return;
    }
    const plane = new Float64Array(size);
    for (let i = 0; i < channels * size; i++) plane[i % size] += Math.abs(values[i]);
    paintSigned(maps[k].canvas, plane, height, width, colours());
  }

  /** What a unit sees of a picture; what lies beyond its edge has the colour of zero. */
  function drawPart(surface, pixels, [top, left, bottom, right]) {
    const [rows, columns] = [bottom - top, right - left];
    const beyond = at(colours(), 0);
    paint(surface, rows, columns, i => {
      const [y, x] = [top + Math.floor(i / columns), left + (i % columns)];
      const from = (y * SIDE + x) * 3;
      return y >= 0 && y < SIDE && x >= 0 && x < SIDE ? pixels.subarray(from, from + 3) : beyond;
    });
  }

  function drawUnit() {
    const k = hover?.k ?? chosen();
    const [row, column] = hover?.pixel ?? pixelNow();
    const station = stations[k];
    const fields = fieldsOf(layers, station.shown, row, column);
    maps.forEach((map, n) => {
      const [top, left, bottom, right] = fields[stations[n].shown] ?? [0, 0, 0, 0];
      if (n > k) map.mark(0, 0, 0, 0);
      else map.mark(top + map.margin, left + map.margin, bottom - top, right - left);
      if (n === k) map.place(row + map.margin, column + map.margin);
      map.node.tabIndex = n === chosen() ? 0 : -1;
      map.box.classList.toggle("rf-here", n === k);
    });
    const [top, left, bottom, right] = fields[0];
    big.mark(top + margins[0], left + margins[0], bottom - top, right - left);
    seen.textContent = `${square(sizes[k])} pixels`;
    drawTerms(k);

    const beyond = Math.max(0, -top) + Math.max(0, bottom - SIDE) + Math.max(0, -left) + Math.max(0, right - SIDE);
    const padding = beyond > 0 ? " Part of its field is padding: zeros." : "";
    const where = `Unit in row ${row}, column ${column} of ${station.name}`;
    const value = network.map(station.shown)[(channelNow() * station.height + row) * station.width + column];
    foot.textContent = `${where}${k === chosen() ? `: activation ${fixed(value)}` : ""}.${padding}`;
    say(`${where}. It sees ${square(sizes[k])} pixels: rows ${top} to ${bottom - 1}, columns ${left} to ${right - 1}.`);
  }

  /** r = r before + (k − 1) · jump: how the field grows in this layer. */
  function drawTerms(k) {
    const { window } = stations[k];
    const before = sizeOf(layers, window.inputs[0]);
    const { kernel, dilation = [1, 1] } = window.settings;
    const size = String(sizes[k].height);
    if (!kernel) terms.set([["", "field", size]]);
    else {
      terms.set([
        ["", "field before", String(before.height)], ["+", "kernel − 1", String((kernel[0] - 1) * dilation[0])],
        ["·", "jump, in pixels", String(before.jump)], ["=", "field", size],
      ]);
    }
  }

  /** The most exciting pictures of the chosen map. */
  function exciting() {
    const station = stations[chosen()];
    const first = stations.slice(0, chosen()).reduce((sum, one) => sum + one.count, channelNow());
    return faces.map((_, k) => {
      const [number, place, value] = best.subarray((first * faces.length + k) * 3);
      return { picture: number, row: Math.floor(place / station.width), column: place % station.width, value };
    });
  }

  function drawBest() {
    const k = chosen();
    const channel = channelNow();
    channelName.textContent = `Map ${channel} of ${stations[k].count} in ${names[k]}`;
    channelSlider.set(channel);
    if (!best) return;
    const list = exciting();
    const pixel = pixelNow();
    const same = one => one.picture === model.get("picture") && one.row === pixel[0] && one.column === pixel[1];
    gallery.set(list.findIndex(same));
    list.forEach(({ picture: number, row, column, value }, n) => {
      drawPart(faces[n].face, pixelsOf(number), fieldsOf(layers, stations[k].shown, row, column)[0]);
      faces[n].text.textContent = classes[labels[number]];
      gallery.buttons[n].setAttribute("aria-label", `${nameOf(number)}, activation ${fixed(value)}`);
    });
    const range = [list[0], list[list.length - 1]].map(one => fixed(one.value)).join(" to ");
    bestName.replaceChildren(
      h("b", {}, `What map ${channel} responds to most`),
      ` in ${count.toLocaleString("en")} pictures: activations ${range}. Choose one to see all of it.`,
    );
  }

  draw();
  // Python may search a while; all else works meanwhile.
  get("exciting").then(
    bytes => {
      best = new Float32Array(bytes.slice().buffer);
      gallery.node.hidden = false;
      redraw();
    },
    error => {
      bestName.textContent = `The pictures could not be searched: ${error.message}. Run the cell again.`;
    },
  );
  return { recolour: () => refresh({ picture: true }), close: () => state.close() };
}

/** How far the fields of later units reach beyond the edge of a layer's maps. */
function marginOf(layers, stations, index) {
  const [, height, width] = layers[index].shape;
  let margin = 0;
  for (const { shown, height: rows, width: columns } of stations) {
    if (shown <= index) continue;
    const first = fieldsOf(layers, shown, 0, 0)[index];
    const last = fieldsOf(layers, shown, rows - 1, columns - 1)[index];
    if (first) margin = Math.max(margin, -first[0], -first[1], last[2] - height, last[3] - width);
  }
  return Math.min(margin, Math.ceil(height / 2));
}

/** A picture or a map with a rim of padding. */
function padded(label, height, width, margin, moved) {
  const part = picture(label, { rows: height + 2 * margin, columns: width + 2 * margin, moved });
  part.rim(margin);
  return part;
}

/** "block 1, ReLU" after a convolution is "Block 1 conv"; among many layers "1 conv". */
function titleOf({ name, window }, short) {
  const group = name.split(", ")[0].replace("block ", short ? "" : "Block ");
  return `${group} ${window.op === "convolution" ? "conv" : "pool"}`;
}

function square({ height, width }) {
  return `${height} × ${width}`;
}

/** The map with the largest value at a place. */
function strongest(values, { count, height, width }, row, column) {
  let most = 0;
  const value = channel => values[(channel * height + row) * width + column];
  for (let channel = 1; channel < count; channel++) if (value(channel) > value(most)) most = channel;
  return most;
}
