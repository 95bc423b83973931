// All maps of a layer, trained and untrained, and the arithmetic of one pixel of one map.
import styles from "./feature_maps.css";
import { h, canvas, write } from "./ui.js";
import { at, largest, paintBytes, paintSigned } from "./colour.js";
import { bare, clamp, fixed, percent, roundedToSum, unbroken } from "./numbers.js";
import { button, cellUnder, field, segmented } from "./controls.js";
import { numberGrid } from "./grid.js";
import { picture } from "./picture.js";
import { mapGrid } from "./maps.js";
import { SHORT, SIDE, layerView, parts } from "./layer_view.js";
import { termLine } from "./terms.js";
import { pools } from "./network.js";
import { windowOf } from "./fields.js";
import { contributions, seenBy } from "./stages.js";

const NAMES = ["trained", "untrained"];
const COLOURS = ["red", "green", "blue"];
const SLOTS = 4;
const STRONGEST = 3;
/** How long the mouse rests on a map before it is enlarged (ms): on its way to the enlargement it crosses others. */
const REST = 120;
/** Fewer hundredths of difference are called about equal. */
const SLIGHT = 10;
/** Likewise how much more than 1 a ratio must be to be named. */
const CLEAR = 1.15;
/** What a reader may guess: who has more. */
const GUESSES = [[1, "Trained"], [-1, "Untrained"], [0, "About equal"]];
/** Larger windows have cells too small for numbers. */
const LARGEST_WITH_NUMBERS = 3;
const NOTES = {
  batch_norm: "Mean and standard deviation (std) of each map were measured in training; scale and shift were learned.",
  relu: "Numbers below zero become zero.",
  max_pool: "The largest number of each window is kept.",
  average_pool: "Each window is replaced by its mean.",
  add: "The output of the shortcut is added.",
};
const FRESH = "Not trained yet: mean 0 and std 1, scale 1 and shift 0 leave each number as it is.";
const HEAVIEST = "The map’s strongest, by the size of what each adds here.";
const MADE = "One kernel makes one map: its sum at every place, orange above zero, purple below.";
const FOLLOWS = "Each is computed from the map with the same number in the layer before.";
const PADDING = "Padding (zeros) can leave a bar along the edge.";

/**
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void} takes it away
 */
export function render(host) {
  return layerView(host, { name: "feature_maps", label: "Feature maps", styles, networks: NAMES, show });
}

function show({ model, root, colours, say, networks, pixelsOf, change, refresh }) {
  const { layers } = networks[0];
  const names = model.get("layers");
  const layerOf = name => layers.find(layer => layer.label === name);
  /** What the mouse points at, in place of what is kept: network and channel, and a pixel of the enlarged map. */
  let hover = {};
  /** Rank of the slice whose products are shown, and the ranks of the slices on the cards. */
  let slot = 0;
  let ranks = [];
  let isShared = false;
  /** One of `GUESSES`, once the reader has guessed, and what is then compared. */
  let guess;
  let facts = [];
  /** The map that the mouse has come to. */
  let aim = "";
  let resting;
  /** The number of the darkest colour of the maps; without one each map has its own. */
  let limit;
  let walls = [];

  function current() {
    const layer = layerOf(model.get("layer"));
    const name = hover.network ?? model.get("network");
    const channel = Math.min(hover.channel ?? model.get("channel"), layer.shape[0] - 1);
    const [row, column] = (hover.pixel ?? model.get("pixel")).map((at, k) => Math.min(at, layer.shape[k + 1] - 1));
    return { layer, name, network: networks[NAMES.indexOf(name)], channel, row, column };
  }

  /** The place in the picture stays, so that one can follow a number through the layers. */
  function choose(values) {
    leave();
    const before = layerOf(model.get("layer"));
    const next = { layer: before.label, network: model.get("network"), channel: model.get("channel"), ...values };
    const { shape } = layerOf(next.layer);
    next.channel = Math.min(next.channel, shape[0] - 1);
    const pixel = model.get("pixel").map((at, k) => Math.floor((at * shape[k + 1]) / before.shape[k + 1]));
    change({ ...next, pixel });
  }

  // Above: layers.
  const thumbs = names.map(name => {
    const [count, height, width] = layerOf(name).shape;
    return mapGrid("", { count: Math.min(9, count), height, width, columns: 3, gap: gapOf(width), chosen: () => {} });
  });
  const isFirst = k => k === 0 || parts(names[k - 1])[0] !== parts(names[k])[0];
  const options = names.map((name, k) => {
    const [group, part] = parts(name);
    const heading = h("i", {}, isFirst(k) ? group : "\u00a0");
    const words = [heading, thumbs[k].canvas, h("span", {}, SHORT[part] ?? part)];
    return { value: name, name, text: h("span", {}, words) };
  });
  const title = "Layer, with maps of the trained network";
  const strip = segmented(title, options, model.get("layer"), layer => choose({ layer }));
  strip.buttons.forEach((button, k) => {
    button.setAttribute("title", names[k]);
    button.classList.toggle("fm-first", isFirst(k));
  });

  // Left: a wall for each network.
  const amount = h("b");
  const places = ["Trained", "Untrained"].map(title => {
    const [range, zeros] = [h("span", { class: "cw-cap" }), h("span", { class: "fm-zeros" })];
    const [share, choice] = [h("i"), h("span", { class: "cw-cap" })];
    const head = h("div", { class: "cw-head" }, h("b", {}, title), range, zeros, share);
    return { node: h("div", { class: "fm-wall" }, head, h("div")), range, zeros, share, choice, title };
  });
  // A narrow screen has room for one of the walls and what is computed for it.
  const either = segmented(
    "Maps of",
    places.map(({ title, choice }, k) => ({ value: NAMES[k], text: h("span", {}, title, " ", choice) })),
    model.get("network"),
    network => choose({ network }),
  );

  // There the chosen map of both is beside each other, as a tap changes it.
  const pair = NAMES.map(name => ({ name, face: canvas(), text: h("span") }));
  const pairNode = h("div", { class: "fm-pair cw-cap" }, pair.map(({ face, text }) => h("div", {}, face, text)));

  // Right: the input map, the slices of the kernel, the map that it makes, and the arithmetic.
  const part = (...content) => {
    const head = h("b");
    return { head, node: h("div", {}, h("div", { class: "cw-head" }, head), ...content) };
  };
  const leave = () => {
    clearTimeout(resting);
    aim = "";
    hover = {};
  };
  const point = now => {
    hover = now;
    refresh({});
  };
  function aimAt(network, channel) {
    if (aim === network + channel) return;
    clearTimeout(resting);
    aim = network + channel;
    resting = setTimeout(point, REST, { network, channel });
  }
  const away = () => {
    leave();
    refresh({});
  };
  /** A picture in which a pixel of the map is chosen; `pixelAt` gives it from the place in the picture. */
  function choosing(label, pixelAt) {
    const moved = (...place) => {
      leave();
      change({ pixel: pixelAt(place.slice(0, 2)) });
    };
    const part = picture(`${label} Arrow keys choose a pixel.`, { rows: 1, columns: 1, moved });
    part.node.addEventListener("pointermove", event => {
      if (event.buttons || event.pointerType !== "mouse") return;
      const [, rows, columns] = current().layer.shape;
      point({ pixel: cellUnder(part.canvas, event, rows, columns) });
    });
    part.node.addEventListener("pointerleave", away);
    return part;
  }
  const output = choosing("The enlarged map.", pixel => pixel);
  const input = choosing("The input map, with the window that the pixel is computed from.", place => {
    const { sides, margin, steps } = inputNow();
    return place.map((at, k) => Math.floor(clamp(at - margin, 0, sides[k] - 1) / steps[k]));
  });
  /** Sides of the input map, its padding, and how far in it the windows of neighbouring pixels lie apart. */
  function inputNow() {
    const { layer } = current();
    const sides = layers[layer.inputs[0]].shape.slice(1);
    const steps = sides.map((side, k) => side / layer.shape[k + 1]);
    return { sides, steps, margin: Math.max(...(layer.settings.padding ?? [0])) };
  }
  const faces = Array.from({ length: SLOTS }, () => ({ face: canvas(), text: h("span") }));
  const faceOptions = faces.map(({ face, text }, k) => ({ value: k, text: h("span", {}, face, text) }));
  const slots = segmented("Input map", faceOptions, 0, k => {
    slot = ranks[k];
    refresh({});
  });
  const step = by => choose({ channel: Math.max(0, model.get("channel") + by) });
  const steps = h(
    "div", { class: "fm-steps" },
    button("‹", () => step(-1), { name: "Previous map" }), button("›", () => step(1), { name: "Next map" }),
  );
  const [before, kernels, after] = [part(input.node), part(slots.node), part(output.node, steps)];
  kernels.node.classList.add("fm-slots");
  const photo = canvas(SIDE, SIDE);
  const meaning = h("span");
  const origin = h("p", { class: "fm-photo cw-cap" }, photo, meaning);
  const flow = h("div", { class: "fm-flow" }, before.node, kernels.node, after.node, origin);
  const note = h("p");
  const grids = h("div", { class: "fm-grids", "aria-hidden": "true" });
  const [half, terms] = [termLine(), termLine()];
  half.node.classList.add("fm-half");
  // Maps worth a look: those with the largest numbers, at the pixel where they are.
  const bestOf = h("span", { class: "cw-cap" });
  const strongest = Array.from({ length: STRONGEST }, () => {
    const one = { face: canvas(), text: h("span"), peak: {} };
    const node = button("", () => {
      leave();
      change(one.peak);
    });
    node.append(one.face, one.text);
    return Object.assign(one, { node });
  });
  const best = h(
    "div", { class: "fm-best", role: "group", "aria-label": "Maps with the largest numbers" },
    bestOf, strongest.map(({ node }) => node),
  );
  const main = h(
    "div",
    { class: "fm-main" },
    h("div", { class: "fm-walls" }, places.map(place => place.node), either.node, pairNode),
    best,
    h("div", { class: "fm-detail" }, flow, note, h("div", { class: "fm-work" }, grids, half.node, terms.node)),
  );

  const scales = [{ value: false, text: "each map" }, { value: true, text: "all maps" }];
  const scale = segmented("Colour scale of", scales, isShared, now => {
    isShared = now;
    refresh({ scale: true });
  });
  const made = h("span");
  // No number is shown before the reader has looked.
  const question = h("span", { class: "cw-cap" });
  const [verdict, finding] = [h("b"), h("span")];
  const answer = h("p", { class: "fm-answer", role: "status" }, verdict, finding);
  const guesses = GUESSES.map(([value, text]) => h("button", {
    type: "button", class: "cw-chip",
    onclick() {
      guess = guess === value ? undefined : value;
      refresh({ answer: true });
    },
  }, text));
  const ends = [h("span"), h("span")];
  const others = h("span", {}, "Slice, products: own scales.");
  const isTouched = matchMedia("(pointer: coarse)").matches;
  root.append(
    h("div", { class: "fm-layers" }, strip.node),
    h("div", { class: "fm-ask" }, h("p", { class: "cw-cap" }, amount, made), field("Colour scale of", scale)),
    h(
      "div", { class: "fm-ask fm-guess" },
      h("p", {}, h("b", {}, "What did training change?"), " ", question),
      h("div", { class: "fm-guesses", role: "group", "aria-label": "Your guess" }, guesses),
      answer,
    ),
    main,
    h(
      "div",
      { class: "cw-foot cw-cap" },
      h("div", { class: "fm-key", "aria-hidden": "true" }, ends[0], h("i"), ends[1]),
      others,
      h("span", {}, isTouched ? "Tap a map or a pixel." : "Point at a map or a pixel; a click keeps it."),
    ),
  );

  function buildWalls({ label, op, inputs, shape: [count, height, width] }) {
    strip.set(label);
    amount.textContent = `${count} maps of ${height} × ${width}. `;
    write(made, op === "convolution" ? MADE : inputs.length === 1 ? FOLLOWS : "");
    output.resize(height, width);
    walls = NAMES.map((network, k) => {
      const wall = mapGrid(`Maps of ${label}, ${network}.`, {
        count, height, width, columns: columnsFor(count), gap: gapOf(width),
        hovered: channel => (channel === null ? away() : aimAt(network, channel)),
        chosen: channel => choose({ network, channel }),
      });
      places[k].node.lastChild.replaceWith(wall.node);
      return wall;
    });
  }

  /** What is compared of each network's maps of a layer. */
  const factsOf = layer => networks.map(network => {
    const values = network.map(layer.index);
    let [least, most, zeros, above] = [Infinity, -Infinity, 0, 0];
    for (const value of values) {
      least = Math.min(least, value);
      most = Math.max(most, value);
      if (value === 0) zeros++;
      if (value > 0) above++;
    }
    return { least, most, share: zeros / values.length, above: above / values.length };
  });
  const isSparse = layer => factsOf(layer).some(hasZeros);
  /** Computed from the picture without a bend, and of its size: only then is its likeness to brightness compared. */
  const isLinear = ({ op, inputs }) =>
    op === "input" || (["convolution", "batch_norm"].includes(op) && isLinear(layers[inputs[0]]));
  const isAlike = ({ shape }) => shape[1] === SIDE && shape[2] === SIDE;
  const kindOf = layer => {
    if (facts.some(hasZeros)) return COMPARED.zeros;
    return isLinear(layer) && isAlike(layer) ? COMPARED.likeness : COMPARED.above;
  };

  /** What is compared, how much more of it the trained network has (in hundredths), and what that means. */
  const COMPARED = {
    zeros: {
      question: "Whose maps have more zeros?",
      near: `${SLIGHT} points`,
      of: () => facts.map(({ share }) => share),
      words(layer, shares, more) {
        const [, height, width] = layer.shape;
        const places = height * width;
        const [own, other] = shares.map(share => fixed((1 - share) * places, 0));
        const size = than(more, "less", "about as", "more");
        return `Zeros in this picture: ${both(shares)}. Trained maps are ${size} selective: on average one responds `
          + `in ${own} of its ${places} places, untrained in ${other}.${deeper(layer, more)}`;
      },
    },
    above: {
      question: "Whose maps have more orange?",
      near: `${SLIGHT} points`,
      of: () => facts.map(({ above }) => above),
      words(layer, shares) {
        const next = names.map(layerOf).find(one => one.index > layer.index && isSparse(one));
        const text = `Above zero in this picture: ${both(shares)}.`;
        if (!next) return text;
        const more = points(factsOf(next).map(({ share }) => share));
        const size = than(-more, "fewer places than", "about as many places as", "more places than");
        return `${text} After ${parts(next.label)[1]}, trained maps respond in ${size} untrained ones.`;
      },
    },
    likeness: {
      question: "Which look more like tinted copies?",
      near: fixed(SLIGHT / 100),
      of: layer => networks.map(network => likeness(network.map(layer.index), pixelsOf(model.get("picture")))),
      words(layer, sizes, more) {
        const [own, other] = sizes.map(size => fixed(size));
        const [wide, narrow] = facts.map(({ least, most }) => Number(most.toFixed(1)) - Number(least.toFixed(1)));
        const ratio = wide / narrow;
        const size = Math.max(ratio, 1 / ratio) < CLEAR ? "about the same" : `${fixed(ratio, 1)} times the`;
        const shown = Math.abs(more) < SLIGHT ? "Both follow the photo’s brightness about as much"
          : `Trained maps follow the photo’s brightness ${more < 0 ? "less" : "more"}`;
        return `${shown}: mean correlation (sign aside) in this picture ${own}, untrained ${other} `
          + `(a tinted copy: 1).${narrow ? ` Trained numbers have ${size} range.` : ""}`;
      },
    },
  };

  /** Where the last layer of this kind differs more, that is worth a look. */
  function deeper(layer, more) {
    const last = names.map(layerOf).findLast(one => one.op === layer.op && isSparse(one));
    const [block, there] = [layer, last].map(({ label }) => label.split(", ")[0]);
    if (block === there) return "";
    const isMore = Math.abs(points(factsOf(last).map(({ share }) => share))) > Math.abs(more);
    return isMore ? ` In ${there} the zeros differ more: look there.` : "";
  }

  function drawAnswer(layer) {
    const kind = kindOf(layer);
    write(question, kind.question);
    guesses.forEach((node, k) => node.setAttribute("aria-pressed", GUESSES[k][0] === guess));
    const isKnown = guess !== undefined;
    answer.classList.toggle("cw-cap", !isKnown);
    places.forEach(({ zeros, share, choice, range }, k) => {
      const words = isKnown && facts.some(hasZeros) ? `${percent(facts[k].share)} zeros` : "";
      write(zeros, words);
      write(choice, words || range.textContent.replace("range ", ""));
      share.hidden = !words;
      share.style.setProperty("--share", percent(facts[k].share).replace(" ", ""));
    });
    if (!isKnown) {
      write(verdict, "");
      write(finding, "Guess by what you see; then come the numbers.");
      return;
    }
    const values = kind.of(layer);
    const more = points(values);
    const who = Math.abs(more) < SLIGHT ? 0 : Math.sign(more);
    const name = GUESSES.find(([value]) => value === who)[1].toLowerCase();
    const near = who ? "" : `, under ${kind.near} apart`;
    write(verdict, `${guess === who ? "Right" : "No"}: ${name}${near}. `);
    write(finding, unbroken(kind.words(layer, values, more)));
  }

  function drawWalls(layer) {
    const { index, inputs } = layer;
    const values = networks.map(network => network.map(index));
    // With the input map, which is enlarged beside one of them: an operation that keeps a number keeps its colour.
    const all = networks.flatMap(network => [index, ...inputs].map(at => largest(network.map(at))));
    limit = isShared ? Math.max(...all) : undefined;
    facts = factsOf(layer);
    walls.forEach((wall, k) => {
      const { least, most } = facts[k];
      wall.draw(values[k], colours(), limit);
      const range = rangeText(least, most);
      places[k].range.textContent = least ? `range ${range}` : range;
    });
    const words = limit ? [fixed(-limit, 1), fixed(limit, 1)] : ["below zero", "above zero"];
    ends.forEach((end, k) => end.replaceChildren(words[k]));
    drawStrongest(layer);
  }

  function drawStrongest({ index, shape: [count, height, width] }) {
    const network = model.get("network");
    const values = networks[NAMES.indexOf(network)].map(index);
    write(bestOf, `Highest,\n${network}`);
    const size = height * width;
    const peaks = Array.from({ length: count }, (_, channel) => {
      const map = values.subarray(channel * size, (channel + 1) * size);
      const value = Math.max(...map);
      const at = map.indexOf(value);
      return { value, peak: { channel, pixel: [Math.floor(at / width), at % width] } };
    });
    peaks.sort((a, b) => b.value - a.value);
    strongest.forEach((one, k) => {
      one.node.hidden = !peaks[k];
      if (!peaks[k]) return;
      const { value, peak } = peaks[k];
      one.peak = peak;
      paintSigned(one.face, values, height, width, colours(), { from: peak.channel * size, limit });
      write(one.text, `map ${peak.channel}\n${fixed(value, 1)}`);
    });
  }

  function drawDetail() {
    const now = current();
    const { layer, name, network, channel, row, column } = now;
    const [, height, width] = layer.shape;
    either.set(model.get("network"));
    if (!bestOf.textContent.endsWith(`\n${model.get("network")}`)) drawStrongest(layer);
    walls.forEach((wall, k) => {
      wall.mark(NAMES[k] === name ? channel : -1);
      wall.node.classList.toggle("fm-other", NAMES[k] !== model.get("network"));
    });
    const from = channel * height * width;
    paintSigned(output.canvas, network.map(layer.index), height, width, colours(), { from, limit });
    output.place(row, column);
    output.mark(row, column, 1, 1);
    drawPair(layer, channel, from);
    write(after.head, `${name === "trained" ? "Map" : "Untrained"} ${channel}`);

    const read = layers[layer.inputs[0]];
    const sources = layer.op === "convolution" ? sourcesOf(now) : [];
    const source = sources[Math.min(slot, sources.length - 1)];
    if (source) source.seen = seenBy(network, layer, source, row, column);
    const shown = source?.channel ?? channel;
    drawInput(now, read, shown);
    const digits = digitsOf(now);
    // What is read has the colours and the digits of the input map, a slice those of its card.
    const inputs = { ...now, layer: read, channel: shown };
    const scales = {
      read: limit ?? largestOf(inputs), slice: Math.max(...sources.slice(0, SLOTS).map(one => largest(one.weights))),
    };
    const work = OPERATIONS[layer.op]({ ...now, source, sources, digits, readDigits: digitsOf(inputs), scales });
    drawSlots(now, read, sources, source, work, scales.slice);
    drawGrids(work.grids ?? []);
    half.node.hidden = !work.half;
    half.set(work.half ?? []);
    terms.set(work.terms);
    say(`${layer.label}, ${name}, map ${channel}, row ${row}, column ${column}: ${work.terms.at(-1)[2]}`);
  }

  function drawPair({ index, shape: [, height, width] }, channel, from) {
    pair.forEach(({ name, face, text }, k) => {
      const values = networks[k].map(index);
      paintSigned(face, values, height, width, colours(), { from, limit });
      const map = values.subarray(from, from + height * width);
      write(text, `${name}\nmap ${channel}\n${rangeText(Math.min(...map), Math.max(...map))}`);
    });
  }

  function drawInput({ layer, network, row, column }, read, channel) {
    const { sides: [height, width], margin, steps } = inputNow();
    input.resize(height + 2 * margin, width + 2 * margin);
    input.rim(margin);
    const from = channel * height * width;
    paintSigned(input.canvas, network.map(read.index), height, width, colours(), { from, limit });
    const [top, left, bottom, right] = windowOf(layer, read.shape, row, column);
    input.mark(top + margin, left + margin, bottom - top, right - left);
    input.place(Math.ceil(row * steps[0]) + margin, Math.ceil(column * steps[1]) + margin, Math.ceil(steps[0]));
    const name = mapName(read, channel);
    write(before.head, read.op === "input" ? name : `input map ${name}`);
    origin.hidden = read.op !== "input";
    write(meaning, `The photo’s ${name}, normalised: 0 is the average ${name} of the training images.`);
  }

  /** What the chosen one adds is written as in the sum. A note of this pixel or map alone precedes the layer's. */
  function drawSlots({ layer, channel }, read, sources, source, work, limit) {
    const isPlain = sources.length === 0;
    flow.classList.toggle("fm-plain", isPlain);
    kernels.node.hidden = others.hidden = isPlain;
    const few = !isPlain && sources.length <= SLOTS;
    flow.classList.toggle("fm-few", few);
    const isPhoto = few && read.op === "input";
    note.hidden = isPhoto;
    if (!isPhoto) write(note, work.note || (isPlain ? NOTES[layer.op] ?? "" : few ? "" : HEAVIEST));
    else if (work.note) write(meaning, work.note);
    note.classList.toggle("cw-cap", !isPlain);
    if (isPlain) return;
    write(kernels.head, few ? `Kernel ${channel}` : `${SLOTS} of ${sources.length} slices`);
    const shown = sources.slice(0, SLOTS).map((one, rank) => ({ ...one, rank, isChosen: one === source }));
    for (const one of shown) if (one.isChosen) one.amount = work.own;
    if (!few) shown.sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount));
    ranks = shown.map(({ rank }) => rank);
    slots.set(shown.findIndex(({ isChosen }) => isChosen));
    slots.buttons.forEach((button, k) => {
      const one = shown[k];
      button.hidden = !one;
      if (!one) return;
      paintSigned(faces[k].face, one.weights, one.rows, one.columns, colours(), { limit });
      const [name, amount] = [mapName(read, one.channel), work.text(one.amount)];
      write(faces[k].text, few ? name : `map ${name}\n${amount}`);
      button.setAttribute("aria-label", `slice for input map ${name}, which adds ${amount}`);
    });
  }

  /** Made again only where their sizes change. */
  function drawGrids(list) {
    const key = list.map(({ rows, columns, sign }) => [rows, columns, sign]).join(";");
    if (grids.key !== key) {
      grids.key = key;
      grids.parts = list.map(({ rows, columns }) => {
        return { caption: h("p", { class: "cw-cap" }), grid: numberGrid(rows, columns, "") };
      });
      grids.replaceChildren(
        ...grids.parts.map(({ caption, grid }, k) => h("div", { "data-sign": list[k].sign }, caption, grid.node)),
      );
      grids.hidden = !list.length;
    }
    list.forEach(({ caption, values, rows, digits, scale }, k) => {
      write(grids.parts[k].caption, caption);
      const text = value => (rows > LARGEST_WITH_NUMBERS ? "" : cellText(value, digits));
      grids.parts[k].grid.set(values, value => at(colours(), value / scale), text);
    });
  }

  return stale => {
    const layer = layerOf(model.get("layer"));
    // Another layer or picture is another question.
    if (stale.layer || stale.picture) guess = undefined;
    if (stale.layer) buildWalls(layer);
    if (stale.picture) thumbs.forEach((thumb, k) => thumb.draw(networks[0].map(layerOf(names[k]).index), colours()));
    if (stale.layer || stale.picture || stale.scale) drawWalls(layer);
    if (Object.values(stale).some(Boolean)) drawAnswer(layer);
    if (stale.picture) paintBytes(photo, pixelsOf(model.get("picture")), SIDE, SIDE);
    drawDetail();
  };
}

function mapName(layer, channel) {
  return layer.op === "input" && layer.shape[0] === 3 ? COLOURS[channel] : String(channel);
}

/** About twice as many columns as rows, as few places left over as there may be. */
function columnsFor(count) {
  const about = Math.ceil(Math.sqrt(count * 2));
  const left = columns => Math.ceil(count / columns) * columns - count;
  const all = Array.from({ length: Math.ceil(about / 4) }, (_, k) => about + k);
  return all.reduce((best, columns) => (left(columns) < left(best) ? columns : best));
}

const gapOf = width => Math.max(1, Math.round(width / 16));

/** What each input map adds to a number of a convolution; if not all can be shown, those that matter most for its map
    come first: they and the input map stay while one looks at other numbers of it, only the cards change places. */
function sourcesOf({ network, layer, channel, row, column }) {
  const sources = contributions(network, layer, channel);
  if (sources.length <= SLOTS) sources.sort((a, b) => a.channel - b.channel);
  return sources.map(source => ({ ...source, amount: source.added[row * layer.shape[2] + column] }));
}

const hasZeros = ({ share }) => share >= 0.005;

/** How many percentage points more the first network has, by the shares as they are shown. */
const points = ([one, other]) => Math.round(one * 100) - Math.round(other * 100);

/** One of three words for a difference: clearly below zero, about zero, clearly above. */
const than = (more, below, about, above) => (Math.abs(more) < SLIGHT ? about : more < 0 ? below : above);

const rangeText = (least, most) => `${least ? fixed(least, 1) : "up"} to ${fixed(most, 1)}`;

const both = shares => `${percent(shares[0])}, untrained ${percent(shares[1])}`;

/** Mean over the maps of how far each is a tinted copy of the photo: the size of its correlation with brightness. */
function likeness(values, photo) {
  const light = Array.from({ length: photo.length / 3 }, (_, k) => photo[3 * k] + photo[3 * k + 1] + photo[3 * k + 2]);
  const mean = total(light) / light.length;
  const norm = Math.hypot(...light.map(value => value - mean));
  const count = values.length / light.length;
  return total(Array.from({ length: count }, (_, map) => {
    const own = Array.from(values.subarray(map * light.length, (map + 1) * light.length));
    const middle = total(own) / own.length;
    const size = norm * Math.hypot(...own.map(value => value - middle));
    return size ? Math.abs(total(own.map((value, k) => (value - middle) * (light[k] - mean)))) / size : 0;
  })) / count;
}

/** Decimals of numbers, by the largest of them: the same at every pixel of a map, in whatever layer it is shown. */
const finer = most => (most < 0.1 ? 3 : 2);
const largestOf = ({ network, layer: { index, shape }, channel }) =>
  largest(network.map(index), channel * shape[1] * shape[2], shape[1] * shape[2]);
const digitsOf = map => finer(largestOf(map));
/** Three decimals fit a cell of a telephone without the zero before the point. */
const cellText = (value, digits) => (digits > 2 ? bare(fixed(value, digits)) : fixed(value));

const total = values => values.reduce((sum, value) => sum + value, 0);

/** The number itself, and the numbers at its place in the inputs. */
function numbersOf({ network, layer, channel, row, column }) {
  return [layer.index, ...layer.inputs].map(index => {
    const [, height, width] = network.layers[index].shape;
    return network.map(index)[(channel * height + row) * width + column];
  });
}

/** How each operation computes a number: grids with a sign before each, and terms as `termLine` takes them; "≈" where
    the numbers as shown need not give the result as shown. */
const OPERATIONS = {
  convolution(now) {
    const { network, layer, channel, source, sources, digits, readDigits, scales } = now;
    const bias = network.bias(layer.index, channel);
    // The other cards, which one sees, and all that one does not see
    const [rest, far] = [sources.slice(0, SLOTS).filter(one => one !== source), sources.slice(SLOTS)];
    const added = [rest, far].map(list => total(list.map(one => one.amount)));
    const exact = source.seen.map((value, k) => value * source.weights[k]);
    const { parts: rounded, sum } = roundedToSum([...exact, ...added, bias], digits);
    const products = rounded.slice(0, -3);
    const grid = (caption, values, sign, scale, digits) => ({ ...source, caption, values, sign, scale, digits });
    const text = value => fixed(value, digits);
    const own = total(products);
    const terms = [["", `${products.length} products`, text(own)]];
    const read = network.layers[layer.inputs[0]];
    const isFew = read.op === "input" && rest.length < 3;
    const whose = isFew ? rest.map(one => mapName(read, one.channel)).join(", ") : `${rest.length} more`;
    const more = [[rest.length, whose], [far.length, `${far.length} others`], [layer.tensors.bias, "bias"]];
    more.forEach(([isThere, caption], k) => {
      if (isThere) terms.push(["+", caption, text(rounded[products.length + k])]);
    });
    const [top, left, bottom, right] = windowOf(layer, read.shape, now.row, now.column);
    const isBeyond = Math.min(top, left) < 0 || bottom > read.shape[1] || right > read.shape[2];
    return {
      grids: [
        grid("window", source.seen, "", scales.read, readDigits),
        grid("slice", source.weights, "×", scales.slice, finer(scales.slice)),
        grid("products", products, "=", largest(products), digits),
      ],
      terms: [...terms, ["=", "this pixel", text(sum)]],
      text, own,
      note: isBeyond && sources.length <= SLOTS && PADDING,
    };
  },
  batch_norm(now) {
    const { layer, channel, digits, readDigits } = now;
    const [value, input] = numbersOf(now);
    const learned = (name, without) => now.network.tensors[layer.tensors[name]]?.values[channel] ?? without;
    const [mean, variance] = [learned("running_mean"), learned("running_var")];
    const [scale, shift] = [learned("weight", 1), learned("bias", 0)];
    const deviation = Math.sqrt(variance + layer.settings.eps);
    const text = number => fixed(number, digits);
    const normalised = text((input - mean) / deviation);
    const half = [
      ["", "input", `(${fixed(input, readDigits)}`], ["−", "mean", `${text(mean)})`], ["÷", "std", text(deviation)],
      ["≈", "normalised", normalised],
    ];
    const terms = [
      ["", "normalised", normalised], ["×", "scale γ", fixed(scale, digits + 1)], ["+", "shift β", text(shift)],
      ["≈", "this pixel", text(value)],
    ];
    const isFresh = mean === 0 && variance === 1 && scale === 1 && shift === 0;
    return { half, terms, note: isFresh && FRESH };
  },
  add(now) {
    const { parts: [one, other], sum } = roundedToSum(numbersOf(now).slice(1), now.digits);
    const list = [["", "one input", one], ["+", "the other", other], ["=", "this pixel", sum]];
    return { terms: list.map(([sign, caption, value]) => [sign, caption, fixed(value, now.digits)]) };
  },
  relu: now => ofOne(now, "the larger one", input => `max(0, ${input})`),
  gelu: now => ofOne(now, "soft bend", input => `GELU(${input})`, "≈"),
  multiply: now => ofOne(now, "input", input => `${now.layer.settings.factor} · ${input}`, "≈"),
  max_pool: now => pooled(now, "largest"),
  average_pool: now => pooled(now, "mean", "≈"),
  adaptive_average_pool: now => pooled(now, "mean", "≈"),
};

function ofOne(now, caption, write, sign = "=") {
  const [value, input] = numbersOf(now).map(number => (number ? fixed(number, now.digits) : "0"));
  return { terms: [["", caption, write(input)], [sign, "this pixel", value]] };
}

function pooled(now, how, sign = "=") {
  const { network, layer, channel, row, column, digits, scales } = now;
  const { shape, index } = network.layers[layer.inputs[0]];
  const [top, left, bottom, right] = windowOf(layer, shape, row, column);
  const places = pools(layer, shape).places[row * layer.shape[2] + column];
  const values = Array.from(places, k => network.map(index)[channel * shape[1] * shape[2] + k]);
  const isWhole = values.length === (bottom - top) * (right - left);
  const [rows, columns] = isWhole ? [bottom - top, right - left] : [1, values.length];
  const window = { caption: "window", rows, columns, values, sign: "", scale: scales.read, digits: now.readDigits };
  const grids = rows > LARGEST_WITH_NUMBERS || columns > 6 ? [] : [window];
  const [value] = numbersOf(now);
  return { grids, terms: [[sign, `${how} of ${values.length}`, value ? fixed(value, digits) : "0"]] };
}
