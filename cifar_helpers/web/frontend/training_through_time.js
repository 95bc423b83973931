// A recorded training run, scrubbed along its accuracy curve: the first kernels of every epoch, and maps and
// probabilities of a picture with the last weights that were kept until then.
import styles from "./training_through_time.css";
import { h, canvas, framed, bytesOf } from "./ui.js";
import { largest, paint, paintSigned } from "./colour.js";
import { chance, fixed, percent } from "./numbers.js";
import { button, probabilityBars, segmented } from "./controls.js";
import { mapGrid } from "./maps.js";
import { answering, epochCurve, figure, guess, ownClass, pictureView, pointsOf } from "./picture_view.js";
import { stagesOf } from "./stages.js";

const [STAY, PASS] = [1000, 120]; // milliseconds at an epoch whose weights were kept, and at another, while it plays
const FINE = 4; // pixels of a canvas for each number of a kernel in the strip
const FEW = 2; // epochs between the kernels of a narrow strip
const ROWS = 4; // kernels in the strip: a row of their wall
const CLEAR = 5; // points between two shares of zeros that differ

/**
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host
 * @returns {() => void}
 */
export function render(host) {
  const { model } = host;
  const redraw = framed(() => draw());
  const view = pictureView(host, {
    name: "training_through_time", label: "Training through time", styles, redraw,
    heard: { image: redraw, epoch: redraw, layer: () => build(), kernel: redraw },
  });
  const { root, say, store, input, change } = view;
  const kept = model.get("epochs");
  const [training, validation] = [[null, ...model.get("training")], [model.get("untrained"), ...model.get("validation")]];
  const last = validation.length - 1;
  const CHANCE = 1 / model.get("classes").length;
  const [count, rows, columns] = model.get("kernel_shape");
  /** @type {Uint8Array | null} (epochs + 1, count, rows, columns, 3) */
  let kernels = null;
  /** @type {import("./network.js").Network | undefined} */
  let network;
  /** @type {any} the wall of maps, with its block and stage */
  let wall = null;
  /** @type {any} */
  let choice = null;

  const reached = epoch => kept.findLast(one => one <= epoch) ?? kept[0];
  const weightsOf = epoch => `weights/${epoch}`;
  const when = epoch => (epoch ? `after epoch ${epoch}` : "before training");

  // The curve
  const title = h("p");
  const source = h("p", { class: "cw-cap" });
  /** @type {number | null} the epoch that the mouse points at on the curve */
  let seen = null;
  const scrub = epoch => {
    pause();
    change({ epoch });
  };
  const pace = epochCurve(
    {
      label: "Accuracy", height: 176, sides: [20, 132], moved: scrub, // the names beside it, with numbers
      hovered: epoch => {
        seen = epoch;
        redraw();
      },
    },
    [
      { name: "training", colour: "c1", points: pointsOf(training) },
      { name: "validation", colour: "c2", dash: "5 3", points: pointsOf(validation) },
      { name: "guessing", colour: "ghost", thin: true, points: [[0, CHANCE], [last, CHANCE]] },
    ],
    { kept, accuracy: validation, colour: "c2" },
  );
  const both = training.flatMap((one, epoch) => (one === null ? [] : [[epoch, one, validation[epoch]]]));
  pace.set({ bands: [{ colour: "c6", points: both }] });
  const gap = h("p", { class: "tt-gap cw-cap", "aria-hidden": "true" });
  pace.node.querySelector(".cw-plot").append(gap);

  /** How far apart training and validation are, and why where that is odd. */
  function gapAt(epoch) {
    if (training[epoch] === null) return [];
    const [learned, validated] = [training, validation].map(list => +fixed(100 * list[epoch], 1)); // as they are read
    const points = `${fixed(Math.abs(learned - validated), 1)} points`;
    const why = model.get("handicap"); // which a lesson stored earlier has not
    if (learned < validated) return [`Validation is ${points} higher`, why ? `: ${why}` : ""];
    // It would be larger without what makes training the lower one.
    return [`Gap ${points}`, why ? `, although ${why.replace("during the epoch, ", "")}` : ""];
  }

  function drawGap(epoch) {
    const [words, why] = gapAt(epoch);
    gap.replaceChildren(...(words ? [h("b", {}, words), h("span", {}, why ? `${why}.` : "")] : []));
    const share = epoch / last;
    gap.classList.toggle("left", share > 0.5);
    gap.classList.toggle("below", Boolean(why));
    gap.classList.toggle("long", why?.startsWith(","));
    gap.style.setProperty("--at", String(share > 0.5 ? 1 - share : share));
  }

  // Playing
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let ticking;
  const play = button("Play", () => (ticking ? pause() : start()), { main: true });
  function start() {
    const isOver = model.get("epoch") === last;
    if (isOver) change({ epoch: 0 });
    ticking = setTimeout(step, isOver ? STAY : PASS);
    play.textContent = "Pause";
  }
  function step() {
    const epoch = model.get("epoch") + 1;
    change({ epoch });
    if (epoch >= last) pause();
    else ticking = setTimeout(step, kept.includes(epoch) ? STAY : PASS);
  }
  function pause() {
    clearTimeout(ticking);
    ticking = undefined;
    play.textContent = "Play";
  }

  // Kernels, maps, probabilities
  /** @type {number | null} under the pointer, which shows it until it leaves */
  let pointed = null;
  const look = kernel => {
    pointed = kernel;
    redraw();
  };
  const choose = kernel => { // the last input wins, also over a mouse that rests elsewhere
    pointed = null;
    change({ kernel });
  };
  /** @type {number[]} the map of each later block that is followed */
  const followed = [];
  /** @type {number | null} another one, under the pointer */
  let over = null;
  const still = () => {}; // a mouse that passes over it does not scrub
  /** Cells that fill a share of their pitch, the first and the last centred on the ends of the curve's axis. */
  const onAxis = (kind, content, cells, share, pitch) => {
    const left = `calc(var(--cw-axis-left) - ${(share * pitch) / 2} * var(--cw-axis))`;
    const width = `calc(${(cells - 1 + share) * pitch} * var(--cw-axis))`;
    return h("div", { class: kind, style: `margin-left: ${left}; width: ${width}` }, content);
  };
  const lines = Math.min(ROWS, count);
  /** The first of the kernels in the strip: with another one of them, the strip stays. */
  const topOf = kernel => Math.min(kernel - (kernel % lines), count - lines);
  /** Kernels after every so many epochs, a row for each. */
  const filmOf = (every, gap, kind) => {
    const cells = Math.floor(last / every) + 1;
    const epochs = Array.from({ length: cells }, (_, cell) => (cell < cells - 1 ? cell * every : last));
    const [height, width] = [rows * FINE, columns * FINE];
    const kernelAt = cell => topOf(model.get("kernel")) + Math.floor(cell / cells);
    const epochAt = cell => epochs[cell % cells];
    const grid = mapGrid(`${lines} kernels of the first layer by epoch, 0 to ${last}.`, {
      count: lines * cells, height, width, columns: cells, gap, hovered: still,
      words: cell => `kernel ${kernelAt(cell)}, epoch ${epochAt(cell)}`,
      chosen(cell) {
        choose(kernelAt(cell));
        scrub(epochAt(cell));
      },
    });
    const now = h("i");
    grid.node.append(now);
    const names = Array.from({ length: lines }, () => h("span"));
    const left = h("div", { class: "tt-names cw-cap", "aria-hidden": "true" }, names);
    return {
      ...grid, epochs, gap, names, strip: onAxis(kind, [left, grid.node], cells, width / (width + gap), every / last),
      point(line, epoch) {
        const far = epochs.map(one => Math.abs(one - epoch));
        const column = far.indexOf(Math.min(...far));
        framedAt.textContent = ` Framed: epoch ${epochs[column]}.`; // of the last, narrow strip
        grid.mark(line * cells + column);
        now.style.left = `${grid.boxOf(column).left * 100}%`;
        now.style.width = `${grid.boxOf(column).width * 100}%`;
        names.forEach((name, k) => name.classList.toggle("now", k === line));
      },
    };
  };
  const framedAt = h("span", { class: "tt-near" });
  const films = [filmOf(1, 2, "tt-film"), filmOf(FEW, 2, "tt-film tt-few")];
  // One map with all weights that were kept, and what the network predicts with them.
  const stops = kept.map(() => ({ map: canvas(), said: h("b"), share: h("span"), mean: h("span") }));
  const story = segmented(
    "Weights that were kept",
    stops.map(({ map, said, share, mean }, k) => {
      const words = h("span", {}, h("span", {}, `epoch ${kept[k]}`), said, share, mean);
      return { value: kept[k], text: h("span", { class: "tt-stop" }, map, words) };
    }),
    null,
    scrub,
  );
  story.node.classList.add("tt-story");
  const wallOf = across => mapGrid(`The ${count} kernels of the first layer.`, {
    count, height: rows, width: columns, columns: across, words: kernel => `kernel ${kernel}`,
    chosen: choose, hovered: look,
  });
  const [first, near] = [wallOf(lines), wallOf(11)];
  const place = h("div", { class: "tt-wall" });
  const bars = probabilityBars(model.get("classes"));
  const kernelPart = figure("First kernels", "", first.node);
  // On a narrow screen, beside the strip that shows the chosen one.
  const nearPart = h("figure", { class: "tt-near cw-cap" }, h("b", {}, "First kernels"), ": choose one.", near.node);
  kernelPart.node.classList.add("tt-far");
  const counted = h("p", { class: "cw-cap", "aria-hidden": "true" });
  const [least, most] = [h("span"), h("span")]; // ends of the large map's colours
  const key = h("div", { class: "pv-key cw-cap", "aria-hidden": "true" }, least, h("i"), most);
  const scaled = h("p", { class: "cw-cap", "aria-hidden": "true" }, "one scale, all epochs");
  const mapPart = figure("Block", "", place, counted);
  const barPart = figure("Probabilities", "", bars.node);
  const large = canvas();
  const mapOne = figure("", "", large, key, scaled); // the chosen map, as large as the picture
  const picturePart = figure("Picture", "Draw on it", input.node, input.pens, input.undo, input.sources);
  const figures = [picturePart, kernelPart, mapPart, mapOne, barPart];
  const strip = h("div", { class: "tt-strip" }, figures.map(part => part.node));
  const filmed = h("p", { class: "cw-cap tt-filmed" });
  const layers = h("div", { class: "tt-layers" });
  place.before(layers);
  const told = h("p", { class: "tt-told cw-cap" });
  const hint = model.get("hint"); // which a lesson stored earlier has in its note
  const pictures = h("div", { class: "tt-pictures" }, input.gallery, hint ? h("p", { class: "cw-cap" }, hint) : null);
  pace.node.append(nearPart, filmed, ...films.map(film => film.strip));
  root.append(
    h("div", { class: "tt-top" }, play, h("div", {}, title, source)),
    pictures,
    pace.node,
    view.problem,
    strip,
    told,
    story.node,
    h("div", { class: "cw-foot cw-cap" }, model.get("note")),
  );

  /** The wall of maps for the chosen layer; a map of the first block belongs to the kernel of the same number. */
  function build() {
    if (!network) return;
    const stages = stagesOf(network).filter(stage => stage.kind === "maps");
    const k = Math.min(model.get("layer"), stages.length - 1);
    const stage = stages[k];
    const blocks = stages.map((_, value) => ({ value, text: value + 1, name: `Block ${value + 1}` }));
    choice ??= segmented("Maps of", blocks, k, layer => {
      change({ layer });
      build();
    });
    choice.set(k);
    layers.replaceChildren(choice.node);
    wall = mapGrid(`Block ${k + 1}: ${stage.count} maps of ${stage.height} × ${stage.width}.`, {
      count: stage.count, height: stage.height, width: stage.width, columns: Math.ceil(Math.sqrt(stage.count)),
      words: unit => `map ${unit}`,
      chosen: unit => (k ? follow(k, unit) : choose(unit)),
      hovered: unit => (k ? point(unit) : look(unit)),
    });
    wall.node.classList.toggle("pv-fine", stage.width > 12);
    Object.assign(wall, { stage, block: k });
    followed[k] ??= liveliest(network.map(stage.layer), stage.count);
    over = null;
    counted.textContent = `${stage.count} maps of ${stage.height}×${stage.width}, each on its own scale`;
    place.replaceChildren(wall.node);
    redraw();
  }

  const follow = (block, unit) => {
    over = null;
    followed[block] = unit;
    redraw();
  };
  const point = unit => {
    over = unit;
    redraw();
  };

  let isBegun = false; // the other weights wait for those that are shown first
  const networks = () => kept.map(epoch => (isBegun ? store.of(weightsOf(epoch)) : {}));
  const loaded = () => networks().flatMap(one => one.network ?? []);
  const done = () => networks().filter(one => one.problem || (one.network && answers.isKnown(one.network))).length;
  const answers = answering(model, loaded, computed => computed && redraw());

  /** The class with the largest probability, and that; before training, that none stands out. */
  function predicted(one, epoch) {
    const probabilities = answers.of(one);
    if (!epoch) return guess(probabilities).split(": ");
    const best = probabilities.indexOf(Math.max(...probabilities));
    return [one.classes[best], chance(probabilities[best])];
  }

  const markOwn = ownClass();
  /** The class that a picture's name says, until the reader changes it, or −1; and what is said of it. */
  function named() {
    const [, kind, name] = /^(sketch: )?(.*)$/.exec(input.name()) ?? [];
    const own = model.get("classes").indexOf(name);
    return { own, words: own < 0 ? ["Picture", "Draw on it"] : [kind ? "Sketch:" : "Picture:", name] };
  }
  /** Whether what is predicted is what the picture shows. */
  const verdict = isRight => {
    const word = isRight ? "right" : "wrong";
    return h("i", { class: word, role: "img", "aria-label": word }, isRight ? "✓" : "✗");
  };

  const size = rows * columns * 3;
  const pixelsOf = k => kernels.subarray(k * size, (k + 1) * size);
  /** Kernels as pictures on the canvas of a wall, each number as a square of so many pixels. */
  function paintKernels(target, numbers, side = 1, gap = 1) {
    const { width, height } = target.canvas;
    const [down, across] = [rows * side + gap, columns * side + gap];
    paint(target.canvas, height, width, i => {
      const [y, x] = [Math.floor(i / width), i % width];
      const k = Math.floor(y / down) * Math.ceil(width / across) + Math.floor(x / across);
      const [v, u] = [Math.floor((y % down) / side), Math.floor((x % across) / side)];
      if (v >= rows || u >= columns || k >= numbers.length) return null;
      return pixelsOf(numbers[k]).subarray((v * columns + u) * 3);
    });
  }

  /** @type {Float32Array} of each map on the wall, the largest absolute value with any of the weights */
  let limits;
  /** The wall: each map is as strong as it is among all epochs. Weights that have yet to see a new picture count with
      the last one, so that its colours stay while the reader draws. */
  function drawWall() {
    const { stage: { layer, count: maps, height, width } } = wall;
    const area = height * width;
    const all = loaded().map(one => one.map(layer));
    limits = Float32Array.from({ length: maps }, (_, unit) =>
      Math.max(...all.map(values => largest(values, unit * area, area))));
    wall.draw(network.map(layer).map((value, i) => value / limits[Math.floor(i / area)]), view.colours(), 1);
  }

  /** A map with all weights that are loaded, on one scale, and the predictions. */
  function drawStory(unit) {
    const { stage: { layer, height, width } } = wall;
    const [from, area] = [unit * height * width, height * width];
    const limit = limits[unit];
    const known = networks().map(({ network: one }) => (one && answers.isKnown(one) ? one : null));
    const meanOf = one => fixed(one.map(layer).subarray(from, from + area).reduce((a, b) => a + b) / area);
    /** In all maps of the block, in percent. */
    const zerosOf = one => {
      const values = one.map(layer);
      return Math.round((100 * values.filter(value => !value).length) / values.length);
    };
    const { own } = named();
    const isSigned = known.some(one => one?.map(layer).subarray(from, from + area).some(value => value < 0));
    most.textContent = fixed(limit);
    least.textContent = isSigned ? fixed(-limit) : "0";
    key.classList.toggle("tt-signed", isSigned);
    networks().forEach(({ problem }, k) => {
      const { map, said, share, mean } = stops[k];
      const one = known[k];
      map.classList.toggle("tt-old", !one); // of the picture before
      if (!one) {
        [said.textContent, share.textContent, mean.textContent] = [problem ? "not loaded" : "…", "", ""];
        return;
      }
      paintSigned(map, one.map(layer), height, width, view.colours(), { from, limit });
      [said.textContent, share.textContent] = predicted(one, kept[k]);
      if (own >= 0 && kept[k]) share.append(" ", verdict(said.textContent === one.classes[own]));
      mean.textContent = `mean ${meanOf(one)}`;
    });
    const course = (of, unit = "") => `${of(known[0])}\u00a0→\u00a0${of(known.at(-1))}${unit}`;
    const words = () => {
      const more = zerosOf(known.at(-1)) - zerosOf(known[0]);
      const so = Math.abs(more) < CLEAR ? "" : `, so they respond in ${more > 0 ? "fewer" : "more"} places`;
      return `: mean activation ${course(meanOf)}. Zeros in all ${wall.stage.count} maps ${course(zerosOf, "\u00a0%")}${so}`;
    };
    told.replaceChildren(
      h("b", {}, `Map ${unit} of Block ${wall.block + 1}`),
      known.every(Boolean) ? words() : " with each set of weights",
    );
    root.setAttribute("aria-busy", String(done() < kept.length));
  }

  const parts = ["curve", "image", "film", "kernels", "wall", "large", "story", "stop", "bars"];
  const isNew = Object.fromEntries(parts.map(part => [part, changes()]));

  function drawKernels(epoch, kernel) {
    if (isNew.kernels(epoch)) {
      const all = Array.from({ length: count }, (_, k) => epoch * count + k);
      for (const wall of [first, near]) paintKernels(wall, all);
    }
    const top = topOf(kernel);
    if (isNew.film(top)) {
      for (const { epochs, names, ...film } of films) {
        const numbers = names.flatMap((_, k) => epochs.map(e => e * count + top + k));
        paintKernels(film, numbers, FINE, film.gap);
        names.forEach((name, k) => {
          name.textContent = top + k;
        });
      }
      filmed.replaceChildren(
        h("b", {}, `First kernels ${top} to ${top + lines - 1}`),
        h("span", { class: "tt-far" }, " after each epoch; press one to go there"),
        h("span", { class: "tt-near" }, ` every ${FEW} epochs to ${films[1].epochs.at(-2)}, then ${last}`),
        ". Colours are weights: grey is 0.", framedAt,
      );
    }
    for (const film of films) film.point(kernel - top, seen ?? epoch);
  }

  function draw() {
    const epoch = model.get("epoch");
    const kernel = pointed ?? model.get("kernel");
    const used = reached(epoch);
    const image = model.get("image");
    if (isNew.image(image)) {
      input.set(bytesOf(image));
      [picturePart.title.textContent, picturePart.more.textContent] = named().words;
    }
    // From the last dot to the marker: so far its weights are used.
    const dots = validation[used] !== null ? [{ x: used, y: validation[used], colour: "c2" }] : [];
    if (isNew.curve(epoch)) pace.set({ marker: epoch, dots, shade: { colour: "c2", ends: [used, epoch] } });
    const [learned, validated] = [training, validation].map(list => list[epoch] !== null && percent(list[epoch], 1));
    const accuracies = [learned && `training ${learned}`, validated && `validation ${validated}`].filter(Boolean).join(", ");
    const heading = h("b", {}, epoch ? `Epoch ${epoch}` : "Before training");
    title.replaceChildren(heading, `: ${accuracies || "accuracy not recorded"}`);
    if (kernels) drawKernels(epoch, kernel);
    for (const wall of [first, near]) wall.mark(kernel);
    kernelPart.more.textContent = when(epoch);

    const { network: ready, problem } = store.of(weightsOf(used));
    isBegun ||= Boolean(ready);
    drawGap(seen ?? epoch);
    const stand = epoch === used ? when(used) : `weights of epoch ${used}`;
    barPart.more.textContent = ready ? stand : problem ?? `loading epoch ${used} …`;
    source.textContent = epoch === used
      ? "Drag along the curve. Dots mark saved weights."
      : `Only first kernels were saved; the rest is of epoch ${used}.`;
    strip.classList.toggle("tt-past", epoch !== used);
    if (!ready) {
      root.setAttribute("aria-busy", String(!problem));
      return;
    }
    const probabilities = answers.of(ready);
    answers.ahead();
    network = ready;
    if (!wall) build();
    const { block } = wall;
    const unit = block ? over ?? followed[block] : kernel;
    if (isNew.wall(wall, network, image, done(), view.colours())) drawWall();
    wall.mark(unit);
    if (isNew.large(wall, unit, network, image, limits[unit], view.colours())) {
      const { layer, height, width } = wall.stage;
      const [from, limit] = [unit * height * width, limits[unit]];
      paintSigned(large, network.map(layer), height, width, view.colours(), { from, limit });
      mapOne.title.textContent = `Map ${unit}`; // of the block that is switched on beside it
    }
    const made = block ? `from all of Block ${block}` : `from kernel ${unit}`;
    mapOne.more.textContent = epoch === used ? made : stand;
    if (isNew.story(wall, unit, image, done(), view.colours())) drawStory(unit);
    if (isNew.stop(used)) story.set(used);
    const said = predicted(network, used).join(used ? " " : ": ");
    barPart.node.classList.toggle("pv-guess", !used);
    if (isNew.bars(network, image)) {
      bars.set(probabilities);
      markOwn(bars, named().own, used ? probabilities.indexOf(Math.max(...probabilities)) : -1, bytesOf(image));
      barPart.title.textContent = said;
    }
    const { own, words } = named();
    say([title.textContent, gapAt(epoch).join(""), own < 0 ? "" : words.join(" "), `${said}, ${stand}`, told.textContent]
      .filter(Boolean).join(". "));
  }

  view.get("kernels").then(
    bytes => {
      kernels = bytes;
      redraw();
    },
    error => {
      kernelPart.more.textContent = `not loaded: ${error.message}`;
    },
  );
  draw();
  return () => {
    pause();
    answers.stop();
    pace.close();
    view.close();
  };
}

/** Tells whether any of the things that a part is drawn from is another than at the last call. */
function changes() {
  let last = [];
  return (...now) => {
    const isChanged = now.some((value, k) => value !== last[k]);
    last = now;
    return isChanged;
  };
}

/** The map with the largest sum. */
function liveliest(values, count) {
  const size = values.length / count;
  const sum = k => values.subarray(k * size, (k + 1) * size).reduce((a, b) => a + b);
  const sums = Array.from({ length: count }, (_, k) => sum(k));
  return sums.indexOf(Math.max(...sums));
}
