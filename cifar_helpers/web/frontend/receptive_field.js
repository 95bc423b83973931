// Point at a unit of any layer: what it sees, layer by layer back to the picture, which of these pixels matter, and
// what excites its channel most.
import styles from "./receptive_field.css";
import { h, canvas, write } from "./ui.js";
import { at, largest, paint, paintSigned } from "./colour.js";
import { clamp, fixed, percent } from "./numbers.js";
import { button, cellUnder, roving, segmented, slider } from "./controls.js";
import { picture } from "./picture.js";
import { SHORT, SIDE, layerView, parts } from "./layer_view.js";
import { termLine } from "./terms.js";
import { fieldsOf, sizeOf } from "./fields.js";
import { slopesThrough } from "./slopes.js";
import { again } from "./loading.js";

const KEYS = "Arrow keys move the unit, Page Up and Down the layer.";

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
  const slopesOf = slopesThrough(network);
  /** The unit that the mouse is over: number of its station, and its place. */
  let hover = null;
  /** @type {number[] | null} the map that each layer shows */
  let channels = null;
  let drawn = [];
  let fed = "";
  let best = null;
  let drawnBest = "";
  let mapSlider = null;
  let ledLayer = -1;
  let ledButtons = [];
  const inAll = classes.map((_, label) => labels.reduce((sum, one) => sum + (one === label ? 1 : 0), 0));

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

  /** A picture or a map with room for frames that reach beyond its edge, where they are hatched: there is nothing to
      see. What moves on it hears of places inside. */
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

  const big = padded(`The picture, with the receptive field framed. ${KEYS}`, SIDE, SIDE, margins[0], (row, column) => {
    const { height, width } = stations[chosen()];
    choose(chosen(), Math.floor((row * height) / SIDE), Math.floor((column * width) / SIDE));
  });
  big.node.classList.add("rf-big");
  const veil = h("div", { class: "rf-veil" });
  veil.style.inset = big.canvas.style.inset;
  const nested = stations.map(({ size }) => h("i", { class: "rf-field", "data-side": square(size) }));
  const inner = h("i", { class: "rf-field" });
  big.canvas.after(veil, ...nested, inner);
  const whose = h("b");
  const seen = h("b", { class: "cw-lead" });
  const seenLine = h("p", { class: "rf-seen" }, "This ", whose, " unit sees ", seen, " pixels");
  const effectLine = h("p", { class: "rf-effect" });
  const key = (kind, words) => h("span", { class: "cw-key" }, h("i", { class: kind }), words);
  const keys = [key("rf-field", "fields of earlier units"), key("rf-zeros", "outside the picture")];
  const keyBox = h("div", { "aria-hidden": "true" }, keys);
  const effectNote = h("p", { class: "cw-cap" });
  const views = [{ value: false, text: "Field" }, { value: true, text: "Effective field" }];
  const view = segmented("On the picture", views, false, effective => change({ effective }));
  const point = now => {
    hover = now;
    refresh({});
  };
  /** The width of a map with its rim, in widths of the map, which is drawn as large as the others. */
  const rimmed = k => 1 + (2 * margins[k + 1]) / stations[k].width;
  const maps = stations.map(({ title, height, width, size }, k) => {
    const margin = margins[k + 1];
    const label = `Units of ${names[k]}. ${KEYS}`;
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
  chain.addEventListener("pointerup", ({ pointerType }) => { // on a telephone the picture is below
    if (pointerType === "mouse") return;
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    big.node.scrollIntoView({ block: "nearest", behavior });
  });
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
    if (event.currentTarget !== chain) return;
    maps[next].node.tabIndex = 0;
    maps[next].node.focus();
  };
  for (const part of [chain, big.node]) part.addEventListener("keydown", turnPage, true);

  const terms = termLine();
  const lightBefore = isLit => nested.forEach((one, k) => one.classList.toggle("rf-lit", isLit && k === chosen() - 1));
  terms.node.addEventListener("pointerover", ({ target }) => {
    lightBefore(terms.node.querySelector("div")?.contains(target));
  });
  terms.node.addEventListener("pointerleave", () => lightBefore(false));
  const [where, activation] = [h("span"), h("b")];
  const wayOut = button("Active unit", () => {
    goTo(channelNow(), activeUnit());
    maps[chosen()].node.focus({ preventScroll: true }); // the button goes
  });
  const mapName = h("span");
  const mapPlace = h("div");
  const led = h("div", { class: "rf-led" });
  const step = by => change({ channel: clamp(channelNow() + by, 0, stations[chosen()].count - 1) });
  const bestName = h("div", {}, `Searching ${count.toLocaleString("en")} pictures …`);
  const faces = Array.from({ length: Math.min(8, count) }, () => ({
    around: canvas(), frame: h("i"), text: h("span"),
  }));
  const gallery = segmented(
    "Most exciting pictures; choosing one shows it",
    faces.map(({ around, frame, text }, k) => ({
      value: k,
      text: h("span", {}, h("span", { class: "rf-around" }, around, frame), text),
    })),
    -1,
    k => goTo(channelNow(), exciting()[k]),
  );
  gallery.node.hidden = true;
  const back = button("‹", () => step(-1), { name: "Previous map" });
  const forth = button("›", () => step(1), { name: "Next map" });
  const below = h(
    "div", { class: "rf-best" },
    h("div", { class: "rf-map" }, mapName, mapPlace, back, forth), bestName, led, gallery.node,
  );
  const legendLine = h("p", { class: "cw-cap" });
  root.append(h("div", { class: "rf-hint" }, lead(stations), legendLine), chain);
  root.append(
    h(
      "div", { class: "rf-main" },
      h(
        "div", {},
        seenLine, effectLine,
        h("div", { class: "rf-keys" }, view.node, keyBox, effectNote),
        big.node,
      ),
      h("div", {}, h("div", { class: "rf-unit" }, h("p", {}, where, activation), wayOut, terms.node), below),
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
    maps[k].which.replaceChildren(`map ${channels[k]}`, h("span", { class: "rf-range" }, ` of ${stations[k].count}`));
  }

  /** Earlier layers show the map that adds most to the chosen unit: slopes times values, added up over the map. */
  function feed() {
    const k = chosen();
    const now = [k, channelNow(), ...pixelNow(), model.get("picture")].join();
    if (now === fed) return;
    fed = now;
    const slopes = slopesAt(k, pixelNow());
    const earlier = stations.flatMap((_, n) => (
      families[n] !== families[k] && families.lastIndexOf(families[n], k) === n ? n : []
    ));
    const added = earlier.map(n => {
      const { shown, count: maps } = stations[n];
      const [map, sum] = mostAdding(slopes[shown], network.map(shown), maps);
      if (sum > 0) channels = channels.map((channel, m) => (families[m] === families[n] ? map : channel));
      return sum > 0;
    });
    write(legendLine, legend(added));
  }

  /** Puts a dashed frame around a part of the picture. */
  function outline(node, [top, left, bottom, right]) {
    const share = pixels => `${(pixels / (SIDE + 2 * margins[0])) * 100}%`;
    const place = { top: share(top + margins[0]), left: share(left + margins[0]) };
    Object.assign(node.style, { ...place, height: share(bottom - top), width: share(right - left) });
  }

  /** Slopes of the unit at a place of the map that a layer shows. */
  function slopesAt(k, [row, column]) {
    const { shown, height, width } = stations[k];
    return slopesOf(shown, (channels[k] * height + row) * width + column);
  }

  /** The picture, or in the field how much each pixel matters: the sizes of the three slopes by its colours, added up.
      What it shows of that comes back in words. */
  function drawBig(k, pixel, field, value) {
    const isEffective = Boolean(model.get("effective"));
    const pixels = pixelsOf(model.get("picture"));
    const bytes = i => pixels.subarray(i * 3, i * 3 + 3);
    view.set(isEffective);
    seenLine.hidden = keyBox.hidden = isEffective;
    effectLine.hidden = effectNote.hidden = inner.hidden = !isEffective;
    if (!isEffective) {
      paint(big.canvas, SIDE, SIDE, bytes);
      return "";
    }
    const slopes = slopesAt(k, pixel)[0];
    const effect = Float64Array.from({ length: SIDE * SIDE }, (_, i) => {
      let sum = 0;
      for (let from = i; from < slopes.length; from += SIDE * SIDE) sum += Math.abs(slopes[from]);
      return sum;
    });
    const most = largest(effect);
    paint(big.canvas, SIDE, SIDE, i => (isIn(field, i) ? at(colours(), effect[i] / most) : bytes(i)));
    const middle = middleOf(field);
    const share = weight => total(middle, weight) / total(field, weight);
    const [isNone, area] = [Math.max(...effect) === 0, percent(share(() => 1))];
    outline(inner, middle);
    inner.hidden = isNone;
    write(effectLine, isNone
      ? "No pixel has an effect here"
      : `Middle ${squareOf(middle)}: ${percent(share(i => effect[i]))} of effect, ${area} of area`);
    write(effectNote, isNone ? `After any small change the unit stays ${value}.` : howItMatters(layers, stations[k]));
    return ` ${effectLine.textContent}. ${effectNote.textContent}`;
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
    keys[0].hidden = !k; // the first layer has none before it
    stations.forEach((one, n) => {
      const field = fieldsOf(layers, one.shown, ...placeIn(one, stations[k], [y, x]))[0];
      outline(nested[n], field);
      nested[n].hidden = n === k;
      nested[n].classList.toggle("rf-later", n > k || Boolean(model.get("effective")));
    });
    const [stepDown, stepRight] = [SIDE / height, SIDE / width].map(Math.floor);
    big.place(y * stepDown + margins[0], x * stepRight + margins[0], stepDown);
    const [top, left, bottom, right] = fields[0];
    const isBeyond = Math.min(top, left) < 0 || Math.max(bottom, right) > SIDE;
    keys[1].hidden = !isBeyond;
    veil.style.clipPath = allBut(fields[0]);
    write(whose, title);
    write(seen, square(size));
    terms.set(termsOf(layers, stations[k], stations[k - 1]));

    const number = planeOf(k)[y * width + x];
    const value = fixed(number);
    const active = hover || number > 0 ? null : activeUnit();
    wayOut.hidden = !active;
    if (active) {
      const among = active.picture === model.get("picture") ? "this picture" : nameOf(active.picture);
      wayOut.title = `The strongest unit of this map in ${among}`;
    }
    write(where, `Row ${y}, column ${x}: activation `);
    write(activation, value);
    const rows = `rows ${top} to ${bottom - 1}, columns ${left} to ${right - 1}`;
    const about = `${title}, map ${channels[k]}, row ${y}, column ${x}: activation ${value}.`;
    const beyond = isBeyond ? " Part of that is outside the picture." : "";
    const effect = drawBig(k, [y, x], fields[0], value);
    say(`${about} It sees ${square(size)} pixels: ${rows}.${beyond}${effect}`);
  }

  /** The most exciting pictures of a map of the chosen layer. */
  function exciting(channel = channelNow()) {
    const first = stations.slice(0, chosen()).reduce((sum, one) => sum + one.count, channel);
    return faces.map((_, k) => {
      const [number, place, value] = best.subarray((first * faces.length + k) * 3);
      const { width } = stations[chosen()];
      return { picture: number, row: Math.floor(place / width), column: place % width, value };
    });
  }

  function goTo(channel, { picture: number, row, column }) {
    change({ channel, picture: number, pixel: [row, column] });
  }

  /** The strongest unit of the chosen map in the picture; where all are off, in the picture that excites it most. */
  function activeUnit() {
    const values = planeOf(chosen());
    const most = values.indexOf(Math.max(...values));
    const { width } = stations[chosen()];
    if (values[most] > 0) {
      return { picture: model.get("picture"), row: Math.floor(most / width), column: most % width };
    }
    const first = best && exciting()[0];
    return first?.value > 0 ? first : null;
  }

  function drawBest() {
    const channel = channelNow();
    const { title, shown } = stations[chosen()];
    const all = count.toLocaleString("en");
    mapSlider.set(channel);
    mapName.replaceChildren(h("b", {}, `Map ${channel}`), ` of ${title}`);
    if (!best) return;
    const list = exciting();
    const [y, x] = pixelNow();
    gallery.set(list.findIndex(one => one.picture === model.get("picture") && one.row === y && one.column === x));
    const now = `${chosen()} ${channel}`;
    if (now === drawnBest) return;
    drawnBest = now;
    list.forEach((one, n) => {
      const field = fieldsOf(layers, shown, one.row, one.column)[0];
      const { around, frame, text } = faces[n];
      const [first, side] = surroundings(field);
      const pixels = pixelsOf(one.picture);
      paint(around, side, side, i => {
        const from = ((first[0] + Math.floor(i / side)) * SIDE + first[1] + (i % side)) * 3;
        return pixels.subarray(from, from + 3);
      });
      const inside = field.map((edge, e) => (clamp(edge - first[e % 2], 0, side) / side) * 100);
      const [top, left, bottom, right] = inside;
      frame.style.inset = `${top}% ${100 - right}% ${100 - bottom}% ${left}%`;
      text.textContent = classes[labels[one.picture]];
      const name = `${nameOf(one.picture)}, activation ${fixed(one.value)}`;
      gallery.buttons[n].setAttribute("aria-label", name);
      gallery.buttons[n].title = name;
    });
    const [leader, times] = leaderOf(list);
    const kinds = new Set(list.map(one => labels[one.picture])).size;
    const mixed = `Mixed: ${kinds} classes in these ${list.length} pictures.`;
    const leading = leader < 0
      ? (list[0].value > 0 ? mixed : "No picture excites this map.")
      : `${times} of these ${list.length} are ${plural(classes[leader])}; of all ${all}, ${inAll[leader]}.`;
    const range = `Largest in the ${all} pictures above: ${fixed(list[0].value)} to ${fixed(list.at(-1).value)}`;
    bestName.replaceChildren(h("p", {}, leading), h("p", { class: "cw-cap" }, range));
    drawLed(leader);
  }

  /** The class of more than half of the pictures that excite a map most, if there is one (else -1), and of how many. */
  function leaderOf(list) {
    const times = (label, least) => list.filter(one => labels[one.picture] === label && one.value > least).length;
    const leader = classes.findIndex((_, label) => 2 * times(label, 0) > list.length); // 0 excites no map
    return [leader, times(leader, -Infinity)];
  }

  /** The classes that have maps of their own in the chosen layer, as buttons. */
  function drawLed(leader) {
    if (ledLayer !== chosen()) {
      ledLayer = chosen();
      const { count: all } = stations[ledLayer];
      const clear = Array.from({ length: all }, (_, channel) => [channel, ...leaderOf(exciting(channel))])
        .filter(([, label]) => label >= 0).sort((one, other) => other[2] - one[2]);
      ledButtons = classes.map((name, label) => {
        const own = clear.filter(one => one[1] === label).map(([channel]) => channel);
        return { label, own, node: ledButton(name, own) };
      }).filter(({ own }) => own.length);
      const nodes = ledButtons.map(({ node }) => node);
      const group = h("div", { role: "group", "aria-label": "Maps by class" }, nodes);
      if (nodes.length) roving(group, nodes);
      const most = `${Math.floor(faces.length / 2) + 1} or more of ${faces.length}`;
      const verb = clear.length > 1 ? "favour" : "favours";
      const many = `${clear.length || "None"} of the ${all} maps ${verb} one class (${most})`;
      led.replaceChildren(h("p", { class: "cw-cap" }, many), group);
    }
    for (const { label, node } of ledButtons) node.setAttribute("aria-pressed", label === leader);
  }

  /** Goes to the clearest of some maps, and then to the next one, each time to the unit that is strongest. */
  function ledButton(name, own) {
    const next = () => {
      const channel = own[(own.indexOf(channelNow()) + 1) % own.length];
      goTo(channel, exciting(channel)[0]);
    };
    const label = `${name}: ${own.length} ${own.length > 1 ? "maps" : "map"}, go to the next`;
    const times = h("span", { class: "cw-cap" }, String(own.length));
    return h("button", { type: "button", class: "cw-chip", "aria-label": label, onclick: next }, name, times);
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
    channels = channels.map((_, k) => channels[families[k]]);
    channels = channels.map((channel, k) => (families[k] === families[chosen()] ? channelNow() : channel));
    feed();
    if (stale.layer) {
      const stops = Array.from({ length: stations[chosen()].count }, (_, channel) => channel);
      mapSlider = slider("Map", stops, channelNow(), channel => change({ channel }));
      mapPlace.replaceChildren(mapSlider.node);
    }
    stations.forEach((_, k) => (stale.picture || stale.layer || channels[k] !== drawn[k]) && drawMap(k));
    drawn = channels;
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
  const byMouse = h("span", { class: "rf-by-mouse" }, "Point at a unit, click to keep it, or drag on the picture.");
  const byTouch = h("span", { class: "rf-by-touch" }, "Tap a unit, or drag across the picture.");
  return h("p", {}, h("b", {}, growth), byMouse, byTouch, h("span", { class: "rf-by-keys" }, KEYS));
}

/** What the frames and the maps of earlier layers show; for each of these, whether a map adds to the unit. */
function legend(added) {
  const which = added.every(Boolean) ? "the map that adds most to the chosen unit" : "one of its maps";
  return `Frames mark the unit’s input.${added.length ? ` Each earlier layer shows ${which}.` : ""}`;
}

/** What the colours of the effective field say. */
function howItMatters(layers, { window }) {
  const before = sizeOf(layers, window.inputs[0]);
  return window.op === "max_pool" && before.height > 1
    ? `Max pooling passes on one unit, so only its ${square(before)} pixels matter.`
    : "Stronger colour: a small change matters more.";
}

/** A class of CIFAR-10, several times. */
function plural(name) {
  return name === "deer" ? name : `${name}s`;
}

/** The map that adds most, and how much: slopes times values, added up. */
function mostAdding(slopes, values, maps) {
  const size = values.length / maps;
  const sums = Array.from({ length: maps }, (_, map) => {
    let sum = 0;
    for (let i = map * size; i < (map + 1) * size; i++) sum += slopes[i] * values[i];
    return sum;
  });
  const most = Math.max(...sums);
  return [sums.indexOf(most), most];
}

/** Whether pixel number i of the picture is in a field. */
function isIn([top, left, bottom, right], i) {
  const [row, column] = [Math.floor(i / SIDE), i % SIDE];
  return row >= top && row < bottom && column >= left && column < right;
}

/** A field without a quarter on each side. */
function middleOf([top, left, bottom, right]) {
  const [down, across] = [bottom - top, right - left].map(side => Math.round(side / 4));
  return [top + down, left + across, bottom - down, right - across];
}

/** The sum of weights of the picture's pixels in a field. */
function total(field, weight) {
  let sum = 0;
  for (let i = 0; i < SIDE * SIDE; i++) if (isIn(field, i)) sum += weight(i);
  return sum;
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

/** The part of a picture that shows a field, as first row and column and side: half as much again on each side. */
function surroundings([top, left, bottom, right]) {
  const field = Math.max(bottom - top, right - left);
  const side = Math.min(SIDE, field + 2 * Math.ceil(field / 2));
  const first = [top + bottom, left + right].map(sum => Math.round(sum / 2 - side / 2));
  return [first.map(from => clamp(from, 0, SIDE - side)), side];
}

/** The picture without a field of it, as a clip path. */
function allBut(field) {
  const [top, left, bottom, right] = field.map(edge => `${(clamp(edge, 0, SIDE) / SIDE) * 100}%`);
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

function squareOf([top, left, bottom, right]) {
  return square({ height: bottom - top, width: right - left });
}

/** The map with the largest value at a place. */
function strongest(values, { count, height, width }, row, column) {
  let most = 0;
  const value = channel => values[(channel * height + row) * width + column];
  for (let channel = 1; channel < count; channel++) if (value(channel) > value(most)) most = channel;
  return most;
}
