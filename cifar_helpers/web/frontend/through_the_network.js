// A picture on its way through a network: maps, hidden units, probabilities, and wires from what feeds one.
import styles from "./through_the_network.css";
import { h, canvas, framed, bytesOf, write } from "./ui.js";
import { at, css, inkOn, largest, paintSigned } from "./colour.js";
import { chance, clamp, fixed, percent, roundedToSum } from "./numbers.js";
import { arrows, button, cellUnder, movable, probabilityBars, roving, segmented, stands } from "./controls.js";
import { mapGrid } from "./maps.js";
import { answering, epochCurve, figure, guess, ownClass, pictureView, pointsOf } from "./picture_view.js";
import { stagesOf, feeds } from "./stages.js";

const TALLEST = 300; // of a wall, in pixels
const SHOWN = 4; // of the sources
const FAINT = 0.14; // a wire from one of the others
const COLOURS = ["red", "green", "blue"];

/** How many layers with weights a network has, and how many weights. */
function summary({ layers, tensors }) {
  const count = (op, name) => {
    const number = layers.filter(layer => layer.op === op).length;
    return `${number} ${name}${number === 1 ? "" : "s"}`;
  };
  const learned = Object.entries(tensors).filter(([name]) => !/running_(mean|var)$/.test(name));
  const weights = learned.reduce((sum, [, tensor]) => sum + tensor.values.length, 0);
  return [
    count("convolution", "convolution"), count("linear", "linear layer"), `${weights.toLocaleString("en")} parameters`,
  ].join(", ");
}

const listed = (type, words) => new Intl.ListFormat("en-GB", { type }).format(words.map(String));

/** What is seen, and how to see more. @param {import("./stages.js").Stage[]} stages */
function wordsOn(stages) {
  const kinds = new Set(stages.map(stage => stage.kind));
  const map = [
    h("em", {}, "A map"), " shows where one pattern was found: the stronger the orange, the better the match, ",
    "each map on its own scale. ",
  ];
  const unit = [
    h("em", {}, "A hidden unit"), " is one number, computed from all of the layer before; ",
    "the units of a layer share a scale. ",
  ];
  const names = { maps: "a map", units: "a unit", classes: "a class" };
  const terms = [...(kinds.has("maps") ? map : []), ...(kinds.has("units") ? unit : [])];
  return {
    intro: ["The picture passes through the layers in turn. ", ...terms],
    press: `Press ${listed("disjunction", [...kinds].map(kind => names[kind]))} to see what it is computed from. `,
  };
}

const MEANING = { "batch norm": "batch norm rescales the sum", ReLU: "ReLU sets what is negative to 0" };

const sentence = text => text[0].toUpperCase() + text.slice(1);

/** Decimals for three digits, but two at least: small summands must not all be 0.00. */
const digitsOf = (value, most = 3) => clamp(2 - Math.floor(Math.log10(Math.abs(value) || 1)), 2, most);

/**
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render(host) {
  const { model } = host;
  const redraw = framed(() => draw());
  const put = () => {
    pace.set({ marker: model.get("epoch") });
    redraw();
  };
  const view = pictureView(host, {
    name: "through_the_network", label: "Through the network", styles, redraw,
    heard: { image: redraw, epoch: put, network: redraw, chosen: redraw },
  });
  const { root, say, store, input, change } = view;
  /** @type {import("./network.js").Network | undefined} the one that is on the screen */
  let network;
  /** The picture that is on the screen. @type {any} */
  let drawn;
  /** @type {any[]} */
  let stages = [];
  /** @type {any[]} */
  let walls = [];
  /** @type {any} places of the parts in the strip, measured when its size changes */
  let boxes = null;
  /** @type {number[] | null} stage and unit that the mouse points at */
  let hover = null;
  /** Colours of the wires, of frames and by sign. @type {any} */
  let inks = {};

  const weightsOf = epoch => `weights/${epoch}`;
  const files = model.get("epochs").map(weightsOf).reverse();
  /** Weights that are loaded or on their way. */
  const asked = new Set();
  const answers = answering(
    model,
    () => [...asked].flatMap(file => store.of(file).network ?? []),
    computed => computed && answers.ahead(),
  );
  const isYours = () => model.get("network") === "yours";

  // The strip
  const place = h("div", { class: "tn-stages" });
  const classes = h("div", {
    class: "tn-classes", ...movable("list of classes"), "aria-label": "Probabilities. Arrow keys choose a class.",
  });
  const wires = canvas();
  wires.classList.add("tn-wires");
  const answer = figure("Probabilities", "", classes);
  const end = answer.node;
  end.classList.add("tn-end");
  const shown = figure("Picture", "", input.node, h("p", { class: "cw-cap" }, "Draw on it"), input.pens, input.undo);
  const markOwn = ownClass();
  const caveat = h("p", { class: "tn-caveat cw-cap" });
  const [intro, press] = [h("span"), h("span")];
  /** @type {any} */
  let bars = null;
  const classUnder = event => [stages.length - 1, cellUnder(classes, event, network?.classes.length ?? 1, 1)[0]];
  const row = h("i"); // the surface of the class that is looked at
  classes.addEventListener("pointerdown", event => choose(...classUnder(event)));
  classes.addEventListener("pointermove", event => look(event.pointerType === "mouse" ? classUnder(event) : null));
  classes.addEventListener("pointerleave", () => look(null));
  arrows(classes, down => {
    const [stage, unit] = kept();
    choose(stages.length - 1, stage === stages.length - 1 ? unit + Math.sign(down) : 0);
  });

  // The curve, and the map that is looked at
  const epochs = model.get("epochs");
  const accuracy = [model.get("untrained"), ...model.get("accuracy")]; // from epoch 0 on
  const title = h("p", { class: "cw-cap" });
  const pace = epochCurve(
    { label: "Validation accuracy", height: 190, moved: epoch => change({ epoch }) },
    [{ name: "validation", end: "", colour: "ghost", points: pointsOf(accuracy) }],
    { kept: epochs, accuracy, colour: "c6" },
  );
  const stops = epochs.map(epoch => ({ value: epoch, x: epoch }));
  pace.set({ stops, xTicks: [0, ...epochs.slice().reverse()] });
  const saved = listed("conjunction", [...epochs].sort((a, b) => a - b));
  const advice = epochs.length > 1
    ? `Drag to a dot: weights were saved after epochs ${saved}. A single prediction can get worse, too.`
    : `Weights were saved only after epoch ${saved}.`;
  const time = h("div", {}, pace.node, h("p", { class: "cw-cap" }, advice));
  time.addEventListener("focusin", fetchAll); // after a press, too
  const form = h("p", { class: "cw-cap" }); // of the reader's own network, in place of the curve
  const choices = { yours: "Your network", course: "The course’s" };
  const owner = segmented(
    "Network",
    model.get("networks").map(value => ({ value, text: choices[value] })),
    model.get("network"),
    value => change({ network: value }),
  );
  const [big, value, total, sumAmount] = [canvas(), h("b"), canvas(), h("span", { class: "amount" })];
  const about = h("p", { class: "cw-cap", "aria-hidden": "true" });
  const path = h("div", { class: "tn-path cw-cap" });
  const cards = Array.from({ length: SHOWN + 1 }, (_, k) => { // the last is what all others add
    const [name, sign, equals, amount] = [h("span"), h("span"), h("span"), h("span", { class: "amount" })];
    const [source, weights, added] = [canvas(), canvas(), canvas()];
    const factors = [h("b"), h("b")]; // of single numbers, on their colours
    const parts = [name, source, sign, weights, equals, added, amount, ...factors];
    const node = h(k < SHOWN ? "button" : "div", { class: "tn-card cw-cap", hidden: true }, parts); // until it is drawn
    /** @type {any} */
    const card = { name, sign, equals, amount, source, weights, added, factors, node };
    node.addEventListener("click", () => card.target && choose(...card.target)); // a wire back
    return card;
  });
  const piles = [1, -1].map(sign => ({ sign, bar: canvas(920, 1), words: h("span") }));
  const note = h("p", { class: "cw-cap" });
  const step = by => choose(kept()[0], kept()[1] + by);
  const products = cards.slice(0, SHOWN).map(card => card.node);
  const steps = h(
    "div", { class: "tn-steps" },
    button("‹", () => step(-1), { name: "Previous map or unit" }),
    button("›", () => step(1), { name: "Next map or unit" }),
  );
  const one = h(
    "div", { class: "tn-one" }, about, steps,
    h(
      "div", { class: "tn-sum" }, products,
      h(
        "div", { class: "tn-end-of-sum", "aria-hidden": "true" },
        cards[SHOWN].node,
        h("div", { class: "tn-card tn-total cw-cap" }, h("span", {}, "sum"), total, sumAmount),
        h("div", { class: "tn-result" }, path, h("div", { class: "tn-big" }, big, value)),
      ),
    ),
    h("div", { class: "tn-piles cw-cap", "aria-hidden": "true" }, piles.flatMap(pile => [pile.words, pile.bar])),
    note,
  );
  roving(one, products);
  const strip = h(
    "div", { class: "tn-strip" }, shown.node, place, end,
    h(
      "div", { class: "tn-words" },
      h("p", { class: "tn-intro cw-cap" }, intro, h("span", { class: "pv-key" }, "−", h("i"), "+")),
      h(
        "p", { class: "tn-key cw-cap" }, press, "Strong wires count most: ", h("span", {}, h("i"), " adds,"), " ",
        h("span", {}, h("i", { class: "minus" }), " subtracts,"), " ",
        h("span", {}, h("i", { class: "both" }), " does both."),
      ),
      model.get("note") ? caveat : null,
    ),
    h(
      "div", { class: "tn-low" },
      h("div", {}, model.get("networks").length > 1 ? owner.node : null, title, time, form),
      one,
    ),
    wires,
  );
  root.append(
    h("div", { class: "cw-bar tn-bar" }, input.gallery, view.problem, input.sources),
    strip,
  );

  let before; // as a wall does
  strip.addEventListener("pointerdown", () => {
    before = model.get("chosen");
    view.problem.hidden = true; // it may lie over something
  }, true);
  strip.addEventListener("pointercancel", () => choose(...before));

  const clipped = (stage, unit) => {
    const s = Math.min(stage, stages.length - 1);
    return [s, clamp(unit, 0, stages[s].count - 1)];
  };
  const kept = () => clipped(...model.get("chosen"));
  function choose(stage, unit) {
    if (!network) return;
    hover = null;
    change({ chosen: clipped(stage, unit) });
    detail();
    const names = products.filter(node => !node.hidden).map(node => node.ariaLabel);
    say(`${[about.firstChild, about.lastChild].map(part => part?.textContent).join(". ")} ${names.join(", ")}`);
  }
  function look(now) {
    if (!network || String(now) === String(hover)) return;
    hover = now;
    detail();
  }

  /** Walls and bars, which networks of the same form share. */
  function build() {
    stages = stagesOf(network);
    hover = null;
    walls = stages.slice(0, -1).map((stage, k) => {
      const isMaps = stage.kind === "maps";
      const { count, height, width } = stage;
      const name = `${sentence(stage.title)}: ${count} ${isMaps ? `maps of ${height} × ${width}` : "units"}.`;
      const square = Math.max(1, Math.floor(Math.sqrt(count * (isMaps ? 0.5 : 0.3))));
      const columns = isMaps || stages[0].kind !== "maps" ? square : Math.min(8, count); // maps need the room
      const wall = mapGrid(name, {
        count, height, width, columns, gap: isMaps ? 1 : 0, words: unit => `${isMaps ? "map" : "unit"} ${unit}`,
        chosen: unit => choose(k, unit), hovered: unit => look(unit === null ? null : [k, unit]),
      });
      wall.node.classList.toggle("pv-fine", isMaps && width > 12);
      const words = isMaps ? [count, h("i", {}, " maps "), h("wbr"), h("i", {}, "×"), `${height}×${width}`] : [count];
      // Hidden layers share a head: they are narrow.
      const hidden = stages[k - 1]?.kind === "units" ? [] : ["Hidden", h("i", {}, " units")];
      const head = figure("", "", wall.node);
      head.more.replaceChildren(...words);
      head.title.replaceChildren(...(isMaps ? [sentence(stage.title)] : hidden));
      wall.figure = head.node;
      wall.share = wall.canvas.width / wall.canvas.height;
      return wall;
    });
    const wide = walls.reduce((total, wall) => total + wall.share, 0);
    place.replaceChildren(...walls.map(wall => wall.figure));
    place.style.gridTemplateColumns = walls.map(wall => `minmax(0, ${(100 * wall.share).toFixed(2)}fr)`).join(" ");
    place.style.maxWidth = `calc(${Math.round(wide * TALLEST)}px + ${walls.length} * var(--tn-gap))`;
    const words = wordsOn(stages);
    intro.replaceChildren(...words.intro);
    write(press, words.press);
    bars = probabilityBars(network.classes);
    classes.replaceChildren(row, bars.node);
    measure();
  }

  function draw() {
    const file = weightsOf(isYours() ? "yours" : model.get("epoch"));
    // Python sends the other weights ahead; a page waits for the curve's focus.
    const { network: ready, kind, problem } = store.of(file, model.send ? files : []);
    for (const one of model.send ? [file, ...files] : [file]) asked.add(one);
    input.set(bytesOf(model.get("image")));
    owner.set(model.get("network"));
    time.hidden = isYours();
    form.hidden = !isYours();
    const epoch = model.get("epoch");
    const heading = isYours() ? "Your network" : epoch ? `After epoch ${epoch}` : "Before training";
    if (!ready) {
      const why = problem ? `the weights could not be loaded. ${problem}` : "loading …";
      title.replaceChildren(h("b", {}, `${heading}: ${why}`));
      return; // the last picture stays
    }
    const isNew = network !== ready || drawn !== model.get("image");
    const before = network && formOf(network);
    network = ready;
    drawn = model.get("image");
    if (before !== formOf(network)) build();
    form.textContent = `${kind}: ${summary(network)}`;
    const probabilities = answers.of(network);
    walls.forEach((wall, k) => {
      const values = network.map(stages[k].layer);
      wall.draw(values, view.colours(), stages[k].kind === "units" ? limitOf(values) : undefined);
    });
    bars.set(probabilities);
    const best = probabilities.indexOf(Math.max(...probabilities));
    const wordsOf = k => `${network.classes[k]} ${chance(probabilities[k])}`;
    const isGuess = !isYours() && !epoch;
    const said = isGuess ? guess(probabilities) : wordsOf(best);
    write(answer.more, said);
    end.classList.toggle("pv-guess", isGuess);
    const other = drawnOtherThan(isGuess ? -1 : best);
    const [stage, unit] = kept();
    const at = stage === stages.length - 1 ? unit : best;
    stands(classes, at, probabilities.length - 1, wordsOf(at) + (at === other ? ", the picture’s name" : ""));
    const measured = accuracy[epoch] === null ? "It can only guess." : `Validation accuracy ${percent(accuracy[epoch], 1)}`;
    title.replaceChildren(h("b", {}, heading), h("br"), isYours() ? "" : measured);
    detail();
    // Else `choose` spoke.
    if (isNew) say(`${heading}: ${said}${other < 0 ? "" : `. The picture’s name is ${network.classes[other]}.`}`);
    answers.ahead();
  }

  /** Shows the picture's name, unless the reader changed it. @returns {number} its class, if not predicted, or −1 */
  function drawnOtherThan(best) {
    const name = input.name();
    const isSketch = Boolean(model.get("note"));
    write(shown.more, name && isSketch ? `Sketch: ${name}` : name);
    const other = markOwn(bars, network.classes.indexOf(name), best, bytesOf(drawn));
    write(caveat, other >= 0 && !isYours() ? model.get("note") : "");
    write(input.undo, name ? "Back" : "Undo"); // to what the reader made, where a picture of the gallery is shown
    input.undo.title = name ? "Back to your picture" : "";
    return other;
  }

  function fetchAll() {
    const first = files.find(file => !asked.has(file));
    for (const file of files) asked.add(file);
    if (first) store.of(first, files);
  }
  const formOf = net => net.layers.map(layer => `${layer.op}${layer.shape}`).join();
  /** Of single numbers: small ones are pale. */
  const limitOf = values => Math.max(1, largest(values));

  /** What is looked at, and what feeds it. */
  function detail() {
    if (!network || !stages.length) return;
    const [s, unit] = hover ?? kept();
    const stage = stages[s];
    const values = network.map(stage.layer);
    const area = stage.height * stage.width;
    const isMap = area > 1;
    const mine = values.subarray(unit * area, (unit + 1) * area);
    const { sources: every, reader, read, from } = feeds(network, stages, stage, unit);
    const isColour = read.op === "input" && read.shape[0] === 3;
    if (isColour) every.sort((a, b) => a.channel - b.channel);
    const sources = every.slice(0, SHOWN);
    walls.forEach((wall, k) => wall.mark(k === s ? unit : -1));
    row.hidden = stage.kind !== "classes";
    row.style.top = `${(100 * unit) / stage.count}%`;

    const [, height = 1, width = 1] = read.shape;
    const readValues = network.map(read.index);
    const size = height * width;
    const [, tall = 1, wide = 1] = reader.shape;
    const isLinear = reader.op === "linear";
    const summed = network.map(reader.index).subarray(unit * tall * wide, (unit + 1) * tall * wide);
    const rest = summed.map((sum, k) => sources.reduce((left, { added }) => left - added[k], sum));
    const [others, { bias }] = [every.length - sources.length, reader.tensors];
    const mostOf = part => Math.max(...sources.map(source => largest(source[part])));
    const [weightLimit, addedLimit] = [mostOf("weights"), mostOf("added")];
    const paler = Math.max(addedLimit, largest(rest), largest(summed)) / addedLimit; // many add up
    paintSigned(total, summed, tall, wide, view.colours(), { limit: paler * addedLimit });
    const isPale = !isLinear && paler >= 1.05;
    one.classList.toggle("tn-pale", isPale);
    const digits = digitsOf(sources[0].amount);
    const { parts, sum } = roundedToSum(isLinear ? [...sources.map(source => source.amount), rest[0]] : [], digits);
    const kind = read.shape.length > 1 ? "map" : "unit";
    const scale = size > 1 ? undefined : limitOf(readValues);
    cards.forEach((card, k) => {
      const source = sources[k];
      const isRest = k === SHOWN;
      card.node.hidden = isRest ? !others && !bias : !source;
      if (card.node.hidden) return;
      card.added.hidden = isLinear;
      const part = parts[isRest ? parts.length - 1 : k] ?? 0;
      write(card.amount, isLinear ? fixed(part, digits) : "");
      const limit = isRest ? paler * addedLimit : addedLimit;
      paintSigned(card.added, isRest ? rest : source.added, tall, wide, view.colours(), { limit });
      if (isRest) {
        write(card.name, [others && `${others} others`, bias && "bias"].filter(Boolean).join("\n+ "));
        write(card.factors[0], others || isLinear ? "" : fixed(rest[0])); // the bias
        card.factors[0].style.color = inkOn(at(view.colours(), rest[0] / limit));
        return;
      }
      const { channel, rows, columns } = source;
      card.target = from === null || from < 0 ? null : [from, channel]; // stage and unit
      card.node.ariaDisabled = !card.target;
      write(card.name, isColour ? COLOURS[channel] : `${kind} ${channel}`);
      card.node.ariaLabel = card.name.textContent;
      write(card.sign, isLinear ? "×" : "∗");
      paintSigned(card.source, readValues, height, width, view.colours(), { from: channel * size, limit: scale });
      paintSigned(card.weights, source.weights, rows, columns, view.colours(), { limit: weightLimit });
      const numbers = [[readValues[channel], scale], [source.weights[0], weightLimit]];
      const isNumber = isLinear && size === 1;
      const product = numbers.reduce((all, [number]) => all * number.toFixed(digitsOf(number, 4)), 1);
      const isNear = isNumber && fixed(product, digits) !== fixed(part, digits);
      write(card.equals, isNear ? "≈" : isLinear && !isNumber ? "Σ =" : "=");
      card.factors.forEach((node, n) => {
        const [number, most] = numbers[n];
        write(node, isNumber ? fixed(number, digitsOf(number, 4)) : "");
        node.style.color = inkOn(at(view.colours(), number / most));
      });
    });
    const isClass = stage.kind === "classes";
    const pooled = stages[from]?.height > height ? `, pooled to ${height}×${width}` : "";
    const inputs = isColour ? "colours, minus their mean" : `${kind}s${pooled}`;
    const sizeOf = list => list.reduce((all, { amount }) => all + Math.abs(amount), 0);
    const share = sizeOf(sources) / sizeOf(every); // NaN where all are 0
    const made = `Computed from ${every.length} ${inputs}${others ? `. The ${SHOWN} that count most` : ""}:`;
    const name = isClass
      ? `${sentence(network.classes[unit])}, logit ${fixed(mine[0], digits)}`
      : `${sentence(stage.title)}, ${isMap ? "map" : "unit"} ${unit}`;
    about.replaceChildren(h("b", {}, name), h("br"), made);
    const after = network.layers.slice(reader.index + 1, stage.layer + 1).map(layer => layer.label.split(", ").at(-1));
    if (isClass) after.push(`softmax of all ${stage.count}`);
    if (isLinear) drawPiles(every, network.bias(reader.index, unit), kind);
    write(sumAmount, isLinear ? fixed(sum, digits) : "");
    total.hidden = isLinear;
    one.classList.toggle("tn-unit", isLinear);
    one.classList.toggle("tn-colours", isColour && !isLinear);
    write(path, after.join(", "));
    const where = isLinear ? " (strong in the bars)" : "";
    const meant = after.map(name => MEANING[name]).filter(Boolean).join("; ");
    const notes = [
      !isLinear && `∗ slides the kernel over the ${isColour ? "colour" : "map"}.`,
      meant && `${sentence(meant)}.`,
      isClass && `Softmax turns the ${stage.count} logits into probabilities.`,
      others && share && `These ${SHOWN}${where} are ${chance(share)} of all that is added or subtracted.`,
      isPale && `Dashed tiles are ${fixed(paler, 1)}× paler.`,
    ];
    write(note, notes.filter(Boolean).join(" "));
    const [result, limit] = isClass ? [[answers.of(network)[unit]], 1] : [mine, isMap ? undefined : limitOf(values)];
    paintSigned(big, result, stage.height, stage.width, view.colours(), { limit });
    const number = isClass ? chance(result[0]) : mine[0] ? fixed(mine[0], digits) : "0";
    write(value, isMap ? "" : number);
    if (!isMap) value.style.color = inkOn(at(view.colours(), result[0] / limit));
    connect(s, unit, from, every);
  }
  /** All inputs of a number, the largest first. */
  function drawPiles(every, bias, kind) {
    const sums = piles.map(({ sign }) => every.reduce((sum, { amount }) => sum + Math.max(0, sign * amount), 0));
    const { parts } = roundedToSum([sums[0], -sums[1], bias]);
    piles.forEach(({ sign, bar, words }, n) => {
      const pen = /** @type {CanvasRenderingContext2D} */ (bar.getContext("2d"));
      pen.clearRect(0, 0, bar.width, 1);
      let [end, count] = [0, 0];
      every.forEach(({ amount }, k) => {
        if (amount * sign <= 0) return;
        const wide = (Math.abs(amount) / Math.max(...sums)) * bar.width;
        pen.fillStyle = css(at(view.colours(), sign * (k < SHOWN ? 0.8 : 0.4)));
        pen.fillRect(end, 0, wide - Math.min(4, wide / 3), 1);
        end += wide;
        count += 1;
      });
      const also = n && bias ? `; bias ${parts[2] > 0 ? "+" : ""}${fixed(parts[2])}` : "";
      write(words, `${count} ${kind}s ${n ? "subtract" : "add"} ${fixed(Math.abs(parts[n]))}${also}`);
    });
  }

  // Wires
  function measure() {
    const whole = strip.getBoundingClientRect();
    const box = node => {
      const { left, top, width, height } = node.getBoundingClientRect();
      return { left: left - whole.left, top: top - whole.top, width, height };
    };
    const isShown = whole.width > 0; // not in a closed section, or on paper
    boxes = isShown && { whole, picture: box(input.node), walls: walls.map(wall => box(wall.node)), classes: box(classes) };
  }
  /** The place of a map, unit or class in the strip. */
  function boxOf(s, unit) {
    if (s < 0) return boxes.picture;
    const isLast = s === stages.length - 1;
    const whole = isLast ? boxes.classes : boxes.walls[s];
    const height = 1 / stages[s].count;
    const part = isLast ? { left: 0, top: unit * height, width: 1, height } : walls[s].boxOf(unit);
    return {
      left: whole.left + part.left * whole.width, top: whole.top + part.top * whole.height,
      width: part.width * whole.width, height: part.height * whole.height,
    };
  }
  /** On a canvas: a changed outline would lay out a whole notebook again. */
  function connect(s, unit, from, every) {
    if (!boxes) return;
    const { width, height } = boxes.whole;
    const [sharp, pen] = [window.devicePixelRatio, /** @type {CanvasRenderingContext2D} */ (wires.getContext("2d"))];
    const size = [width * sharp, height * sharp].map(Math.round);
    if (String(size) !== String([wires.width, wires.height])) [wires.width, wires.height] = size;
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (from === null) return;
    pen.lineCap = "round";
    if (inks.theme !== root.dataset.theme) {
      const style = getComputedStyle(root);
      const [frame, both] = ["--cw-ink", "--cw-ink-2"].map(token => style.getPropertyValue(token));
      const [minus, plus] = [-0.75, 0.75].map(value => css(at(view.colours(), value)));
      inks = { theme: root.dataset.theme, frame, signs: [minus, both, plus] };
    }
    const most = Math.max(Math.abs(every[0].amount), 1e-9);
    const to = boxOf(s, unit);
    const y1 = to.top + to.height / 2;
    every.slice(0, from < 0 ? 1 : every.length).forEach((source, k) => {
      const a = boxOf(from, source.channel);
      const [x0, y0, x1] = [a.left + a.width, a.top + a.height / 2, to.left];
      const isShown = k < SHOWN;
      pen.globalAlpha = isShown ? 1 : FAINT;
      if (x0 <= x1 && source.amount) {
        const [middle, sign] = [(x0 + x1) / 2, from < 0 ? 0 : source.sign];
        pen.strokeStyle = inks.signs[sign + 1];
        pen.lineWidth = isShown ? 1 + (2 * Math.abs(source.amount)) / most : 1;
        pen.setLineDash(isShown && sign < 0 ? [5, 4] : []);
        pen.beginPath();
        pen.moveTo(x0, y0);
        pen.bezierCurveTo(middle, y0, middle, y1, x1, y1);
        pen.stroke();
      }
      if (from < 0 || !isShown) return;
      Object.assign(pen, { strokeStyle: inks.frame, lineWidth: 1.5 });
      pen.setLineDash([]);
      pen.beginPath();
      pen.roundRect(a.left, a.top, a.width, a.height, 2);
      pen.stroke();
    });
  }

  const sizes = new ResizeObserver(() => {
    measure();
    detail();
    input.reveal();
  });
  sizes.observe(strip);
  put();
  draw();
  return () => {
    answers.stop();
    sizes.disconnect();
    pace.close();
    view.close();
  };
}
