// Point at a unit of any layer: what it sees, layer by layer back to the picture, and what excites its channel most.
import styles from "./receptive_field.css";
import { h, canvas, write } from "./ui.js";
import { paint, paintBytes, paintSigned } from "./colour.js";
import { clamp, fixed } from "./numbers.js";
import { button, cellUnder, segmented, slider } from "./controls.js";
import { picture } from "./picture.js";
import { SHORT, SIDE, layerView, parts } from "./layer_view.js";
import { termLine } from "./terms.js";
import { fieldsOf, sizeOf } from "./fields.js";
import { again } from "./loading.js";

/**
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void} takes it away
 */
export function render(host) {
  return layerView(host, { name: "receptive_field", label: "Receptive field", styles, networks: ["network"], show });
}

function show(given) {
  const { model, root, colours, say, get, count, classes, labels, pixelsOf, nameOf, change, refresh } = given;
  const [network] = given.networks;
  const { layers } = network;
  const names = model.get("layers");
  const stations = model.get("stations").map(([window, shown], k) => {
    const { shape: [maps, height, width] } = layers[shown];
    return {
      title: titleOf(names[k]), window: layers[window], shown, count: maps, height, width, size: sizeOf(layers, shown),
    };
  });
  const margins = [0, ...stations.map(station => station.shown)].map(index => marginOf(layers, stations, index));
  const families = familiesOf(layers, stations);
  /** The unit that the mouse is over: number of its station, and its place. */
  let hover = null;
  /** @type {number[] | null} the map that each layer shows */
  let channels = null;
  let best = null;
  let drawnBest = "";
  let mapSlider = null;

  // Python's changes come one by one: for a moment the map or the unit may be of another layer.
  const chosen = () => names.indexOf(model.get("layer"));
  const channelNow = () => Math.min(model.get("channel"), stations[chosen()].count - 1);
  /** The unit of another layer that lies at the same place of the picture. */
  const placeIn = (to, from, [row, column]) => [
    Math.floor(((row + 0.5) * to.height) / from.height), Math.floor(((column + 0.5) * to.width) / from.width),
  ];
  const clipped = ({ height, width }, row, column) => [
    clamp(row, 0, height - 1), clamp(column, 0, width - 1),
  ];
  const pixelNow = () => clipped(stations[chosen()], ...model.get("pixel"));

  function choose(k, row, column) {
    hover = null;
    change({ layer: names[k], pixel: [row, column], channel: channels[k] });
  }

  /** A picture or a map with room for frames that reach beyond its edge, hatched inside of the frame alone: that is
      the padding a unit reads. What moves on it hears of places inside. */
  function padded(label, height, width, margin, moved) {
    const part = picture(label, {
      rows: height + 2 * margin, columns: width + 2 * margin,
      moved: (row, column) => moved(...clipped({ height, width }, row - margin, column - margin)),
    });
    part.rim(margin);
    const frame = part.node.querySelector(".cw-frame");
    const zeros = h("i", { class: "rf-zeros" });
    part.node.prepend(zeros);
    const enclose = ([top, left, bottom, right]) => {
      part.mark(top + margin, left + margin, bottom - top, right - left);
      zeros.style.cssText = frame.style.cssText;
      zeros.hidden = frame.hidden || !margin;
    };
    return { ...part, enclose };
  }

  const big = padded("The picture, with the receptive field framed.", SIDE, SIDE, margins[0], (row, column) => {
    const { height, width } = stations[chosen()];
    choose(chosen(), Math.floor((row * height) / SIDE), Math.floor((column * width) / SIDE));
  });
  big.node.classList.add("rf-big");
  const veil = h("div", { class: "rf-veil" });
  veil.style.inset = big.canvas.style.inset;
  const nested = stations.map(({ size }) => h("i", { class: "rf-field", "data-side": square(size) }));
  big.canvas.after(veil, ...nested);
  const whose = h("b");
  const seen = h("b", { class: "cw-lead" });
  const key = (kind, words) => h("span", { class: "cw-key" }, h("i", { class: kind }), words);
  const keys = [key("rf-zeros", "outside the picture"), key("rf-field", "what earlier units see here")];
  const point = now => {
    hover = now;
    refresh({});
  };
  /** The width of a map with its rim, in widths of the map, which is drawn as large as the others. */
  const rimmed = k => 1 + (2 * margins[k + 1]) / stations[k].width;
  const maps = stations.map(({ title, height, width, size }, k) => {
    const margin = margins[k + 1];
    const label = `Units of ${names[k]}. Arrow keys move the unit, page up and page down change the layer.`;
    const map = padded(label, height, width, margin, (row, column) => choose(k, row, column));
    map.node.addEventListener("pointermove", event => {
      if (event.buttons || event.pointerType !== "mouse") return;
      const [row, column] = cellUnder(map.node, event, height + 2 * margin, width + 2 * margin);
      point({ k, pixel: clipped(stations[k], row - margin, column - margin) });
    });
    map.node.addEventListener("pointerleave", () => point(null));
    const head = h("div", { class: "cw-cap" }, h("b", {}, title), h("div", {}, "sees ", h("b", {}, square(size))));
    head.addEventListener("click", () => {
      const from = stations[chosen()];
      choose(k, ...placeIn(stations[k], from, pixelNow()));
    });
    for (const [event, isLit] of [["pointerenter", true], ["pointerleave", false]]) {
      head.addEventListener(event, () => nested[k].classList.toggle("rf-lit", isLit));
    }
    map.node.style.width = `${(100 * rimmed(k)) / Math.max(...stations.map((_, n) => rimmed(n)))}%`;
    const which = h("p", { class: "cw-cap" });
    return { ...map, margin, which, box: h("div", {}, head, h("div", { class: "rf-cell" }, map.node), which) };
  });
  const chain = h("div", { class: "rf-chain", role: "group", "aria-label": "Layers" }, maps.map(map => map.box));
  chain.style.setProperty("--columns", String(Math.max(6, Math.ceil(maps.length / Math.ceil(maps.length / 8)))));
  const turnPage = event => {
    const step = { PageUp: -1, PageDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = chosen() + step;
    const [from, to] = [stations[chosen()], stations[next]];
    if (!to) return;
    const [row, column] = placeIn(to, from, pixelNow());
    choose(next, row, column);
    maps[next].node.tabIndex = 0;
    maps[next].node.focus();
  };
  chain.addEventListener("keydown", turnPage, true);

  const terms = termLine();
  const lightBefore = isLit => nested.forEach((one, k) => one.classList.toggle("rf-lit", isLit && k === chosen() - 1));
  terms.node.addEventListener("pointerover", event => lightBefore(terms.node.querySelector("div")?.contains(event.target)));
  terms.node.addEventListener("pointerleave", () => lightBefore(false));
  const [where, activation] = [h("span"), h("b")];
  const mapName = h("span", { class: "cw-cap", "aria-hidden": "true" });
  const mapPlace = h("div");
  const step = by => change({ channel: clamp(channelNow() + by, 0, stations[chosen()].count - 1) });
  const bestName = h("div", {}, `Searching ${count.toLocaleString("en")} pictures …`);
  const faces = Array.from({ length: Math.min(8, count) }, () => ({
    around: canvas(), frame: h("i"), text: h("span"), value: h("span"),
  }));
  const gallery = segmented(
    "Most exciting pictures; choosing one shows it",
    faces.map(({ around, frame, text, value }, k) => ({
      value: k,
      text: h("span", {}, h("span", { class: "rf-around" }, around, frame), text, value),
    })),
    -1,
    k => {
      const { picture: number, row, column } = exciting()[k];
      change({ picture: number, pixel: [row, column] });
    },
  );
  gallery.node.hidden = true;
  const back = button("‹", () => step(-1), { name: "Previous map" });
  const forth = button("›", () => step(1), { name: "Next map" });
  const below = h(
    "div", { class: "rf-best" },
    bestName, h("div", { class: "rf-map" }, mapName, mapPlace, back, forth), gallery.node,
  );
  root.append(h("div", { class: "rf-hint" }, lead(stations), h("p", { class: "cw-cap" }, legend(stations))), chain);
  root.append(
    h(
      "div", { class: "rf-main" },
      h(
        "div", {},
        h("p", { class: "rf-seen" }, "This ", whose, " unit sees ", seen, " pixels"),
        h("div", { class: "rf-keys", "aria-hidden": "true" }, keys),
        big.node,
      ),
      h("div", {}, h("div", { class: "rf-unit" }, h("p", {}, where, activation), terms.node), below),
    ),
  );

  /** The map that a layer shows. */
  function planeOf(k) {
    const { shown, height, width } = stations[k];
    const size = height * width;
    return network.map(shown).subarray(channels[k] * size, (channels[k] + 1) * size);
  }

  function drawMap(k) {
    paintSigned(maps[k].canvas, planeOf(k), stations[k].height, stations[k].width, colours());
    maps[k].which.replaceChildren(`map ${channels[k]} `, h("span", { class: "rf-range" }, `(0–${stations[k].count - 1})`));
  }

  function drawUnit() {
    const k = hover?.k ?? chosen();
    const [y, x] = hover?.pixel ?? pixelNow();
    const { shown, title, size, height, width } = stations[k];
    below.classList.toggle("rf-away", k !== chosen()); // it is about the layer chosen
    const fields = fieldsOf(layers, shown, y, x);
    maps.forEach((map, n) => {
      map.enclose((n <= k && fields[stations[n].shown]) || [0, 0, 0, 0]);
      if (n === k) map.place(y + map.margin, x + map.margin);
      const stop = n === chosen() ? 0 : -1;
      if (map.node.tabIndex !== stop) map.node.tabIndex = stop; // where it has the focus, all would be laid out for it
      map.box.classList.toggle("rf-here", n === k);
    });
    big.enclose(fields[0]);
    keys[1].style.visibility = k ? "" : "hidden"; // the first layer has none before it
    stations.forEach((one, n) => {
      const [top, left, bottom, right] = fieldsOf(layers, one.shown, ...placeIn(one, stations[k], [y, x]))[0];
      const percent = pixels => `${(pixels / (SIDE + 2 * margins[0])) * 100}%`;
      const place = { top: percent(top + margins[0]), left: percent(left + margins[0]) };
      Object.assign(nested[n].style, { ...place, height: percent(bottom - top), width: percent(right - left) });
      nested[n].hidden = n === k;
      nested[n].classList.toggle("rf-later", n > k);
    });
    const [stepDown, stepRight] = [SIDE / height, SIDE / width].map(Math.floor);
    big.place(y * stepDown + margins[0], x * stepRight + margins[0], stepDown);
    const [top, left, bottom, right] = fields[0];
    const isBeyond = Math.min(top, left) < 0 || Math.max(bottom, right) > SIDE;
    veil.style.clipPath = allBut(fields[0]);
    write(whose, title);
    write(seen, square(size));
    terms.set(termsOf(layers, stations[k], stations[k - 1]));

    const value = fixed(planeOf(k)[y * width + x]);
    write(where, `Row ${y}, column ${x}: activation `);
    write(activation, value);
    const rows = `rows ${top} to ${bottom - 1}, columns ${left} to ${right - 1}`;
    const about = `${title}, map ${channels[k]}, row ${y}, column ${x}: activation ${value}.`;
    say(`${about} It sees ${square(size)} pixels: ${rows}.${isBeyond ? " Part of that is outside the picture." : ""}`);
  }

  /** The most exciting pictures of the chosen map. */
  function exciting() {
    const first = stations.slice(0, chosen()).reduce((sum, one) => sum + one.count, channelNow());
    return faces.map((_, k) => {
      const [number, place, value] = best.subarray((first * faces.length + k) * 3);
      const { width } = stations[chosen()];
      return { picture: number, row: Math.floor(place / width), column: place % width, value };
    });
  }

  function drawBest() {
    const channel = channelNow();
    const { title, shown, count: all } = stations[chosen()];
    mapSlider.set(channel);
    mapName.replaceChildren(h("b", {}, `Map ${channel}`), ` (0–${all - 1})`);
    if (!best) return;
    const list = exciting();
    const [y, x] = pixelNow();
    gallery.set(list.findIndex(one => one.picture === model.get("picture") && one.row === y && one.column === x));
    const now = `${chosen()} ${channel}`;
    if (now === drawnBest) return;
    drawnBest = now;
    list.forEach((one, n) => {
      const field = fieldsOf(layers, shown, one.row, one.column)[0];
      const { around, frame, text, value } = faces[n];
      const [first, side] = surroundings(field);
      const pixels = pixelsOf(one.picture);
      paint(around, side, side, i => {
        const from = ((first[0] + Math.floor(i / side)) * SIDE + first[1] + (i % side)) * 3;
        return pixels.subarray(from, from + 3);
      });
      const inside = field.map((at, e) => (clamp(at - first[e % 2], 0, side) / side) * 100);
      const [top, left, bottom, right] = inside;
      frame.style.inset = `${top}% ${100 - right}% ${100 - bottom}% ${left}%`;
      text.textContent = classes[labels[one.picture]];
      value.textContent = fixed(one.value);
      gallery.buttons[n].setAttribute("aria-label", `${nameOf(one.picture)}, activation ${fixed(one.value)}`);
    });
    const times = classes.map((_, label) => list.filter(one => labels[one.picture] === label).length);
    const most = Math.max(...times);
    const kinds = times.filter(Boolean).length;
    const leading = 2 * most < list.length
      ? `No class leads: ${kinds} classes in these ${list.length} pictures.`
      : `Most often: ${classes[times.indexOf(most)]}, in ${most} of these ${list.length} pictures.`;
    bestName.replaceChildren(
      h("b", {}, `Map ${channel} of ${title} responds most to`), h("p", {}, leading),
      h("p", { class: "cw-cap" }, `The largest activations in ${count.toLocaleString("en")} pictures`),
    );
  }

  // Python may search a while; all else works meanwhile.
  get("exciting").then(
    bytes => {
      best = new Float32Array(bytes.slice().buffer);
      gallery.node.hidden = false;
      refresh({});
    },
    error => {
      bestName.textContent = `The pictures could not be searched: ${error.message}. ${again(model)}`;
    },
  );
  return stale => {
    channels ??= stations.map(station => {
      const [row, column] = placeIn(station, stations[chosen()], pixelNow());
      return strongest(network.map(station.shown), station, row, column);
    });
    const isOfChosen = k => families[k] === families[chosen()];
    channels = channels.map((_, k) => (isOfChosen(k) ? channelNow() : channels[families[k]]));
    if (stale.picture) paintBytes(big.canvas, pixelsOf(model.get("picture")), SIDE, SIDE);
    if (stale.layer) {
      const stops = Array.from({ length: stations[chosen()].count }, (_, channel) => channel);
      mapSlider = slider("Map", stops, channelNow(), channel => change({ channel }));
      mapPlace.replaceChildren(mapSlider.node);
    }
    stations.forEach((_, k) => (stale.picture || stale.layer || isOfChosen(k)) && drawMap(k));
    drawUnit();
    drawBest();
  };
}

/** For each station the first of those whose maps belong together: pooling makes a map out of the one of its number. */
function familiesOf(layers, stations) {
  let families = stations.map((_, k) => k);
  stations.forEach(({ window }, k) => {
    const before = window.op === "convolution" ? [] : [...window.inputs];
    for (const index of before) { // grows meanwhile: a sum has two layers before it
      const found = stations.findIndex(({ shown }) => shown === index);
      const pair = [families[k], families[found]];
      if (found >= 0) families = families.map(one => (pair.includes(one) ? Math.min(...pair) : one));
      else if (layers[index].op !== "convolution") before.push(...layers[index].inputs);
    }
  });
  return families;
}

/** The one thing to see, and what to do. */
function lead(stations) {
  const sizes = stations.map(({ size }) => size);
  const last = sizes.length - 1;
  const doesGrow = last > 0 && sizes.every(({ height }, k) => height > (sizes[k - 1]?.height ?? 0));
  const growth = doesGrow ? `Deeper units see more: ${square(sizes[0])} to ${square(sizes[last])} pixels. ` : "";
  return h("p", {}, h("b", {}, growth), "Point at a unit, click to keep it, or drag on the picture.");
}

/** What the frames in the maps say: only units of maps that are read feed it. */
function legend(stations) {
  const windows = stations.map(({ window }) => window);
  const hasPooling = windows.some(({ op }) => op !== "convolution");
  const start = hasPooling ? "Pooling reads one map, of the same number; a" : "A";
  return windows.some(({ settings }) => settings.groups > 1)
    ? `Framed in earlier layers: the places that feed it. ${start} grouped convolution reads some of the maps.`
    : `Framed in earlier layers: the units that feed it. ${start} convolution reads all maps.`;
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

/** The part of a picture that shows a field, as first row and column and side: a quarter around a small one, else all. */
function surroundings([top, left, bottom, right]) {
  const side = Math.max(bottom - top, right - left) * 4 <= SIDE / 2 ? SIDE / 2 : SIDE;
  const first = [top + bottom, left + right].map(sum => Math.round(sum / 2 - side / 2));
  return [first.map(at => clamp(at, 0, SIDE - side)), side];
}

/** The picture without a field of it, as a clip path. */
function allBut(field) {
  const [top, left, bottom, right] = field.map(at => `${(clamp(at, 0, SIDE) / SIDE) * 100}%`);
  const hole = `${left} ${top}, ${right} ${top}, ${right} ${bottom}, ${left} ${bottom}, ${left} ${top}`;
  return `polygon(evenodd, 0 0, 100% 0, 100% 100%, 0 100%, 0 0, ${hole})`;
}

/** r = r before + (k − 1) · jump: how the field grows in this layer. */
function termsOf(layers, { window, size }, previous) {
  const { kernel, dilation = [1, 1] } = window.settings;
  if (!kernel) return [["", "field", String(size.height)]];
  const before = sizeOf(layers, window.inputs[0]);
  const isPrevious = previous?.size.height === before.height;
  const of = isPrevious ? `${previous.title} sees` : "field before";
  const whose = isPrevious ? `in ${previous.title}` : before.height > 1 ? "before" : "in the picture";
  const steps = `(${kernel[0]} − 1)${dilation[0] > 1 ? ` · ${dilation[0]}` : ""}`;
  return [
    ["", before.height > 1 ? of : "one pixel", String(before.height)],
    ["+", `${window.op === "convolution" ? "kernel" : "window"} ${kernel[0]}, minus 1`, steps],
    ["·", `pixels per step ${whose}`, String(before.jump)], ["=", "field", String(size.height)],
  ];
}

/** "block 1, ReLU" is "Block 1 ReLU". */
function titleOf(name) {
  const [group, part] = parts(name.replace("average pooling", "pooling"));
  return `${group} ${SHORT[part] ?? part}`.trim();
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
