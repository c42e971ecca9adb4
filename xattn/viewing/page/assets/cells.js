// A picture that was made from words: each cell in the colour of the word that it attends to most, and the words below.

// Light colours from the first word (blue) to the last (red): neighbours look alike.
const HUES = scale(["#8281bf", "#86b1fc", "#6ddde7", "#80f8b5", "#c2fe81", "#efe57e", "#febb75", "#ee8760", "#c7675a"]);
const WORD = 22; // the height of a line of words

const SECOND = {
  name: "cells", first: true,
  ready: ({ layout }) => layout.picture && loaded(layout.picture),
  place(m, { sentence, ...said }) {
    const { rows, columns } = sentence.layout, side = (width) => Math.min(width / columns, 460 / rows);
    const notes = ["a cell has the colour of the word in focus, or else of the word with its largest weight, as strong as the weight", m.scale.text, ...(sentence.gold ? ["disc: the word with the largest weight is gold; cross: it is not"] : [])];
    // The words in lines, with their left edges and widths.
    const laid = (width) => {
      let x = 0, line = 0;
      return m.columns.map((text) => {
        const w = Math.min(measure(text, 13) + 8, width);
        if (x && x + w > width) { x = 0; line++; }
        x += w + 4;
        return { x: x - w - 4, line, w };
      });
    };
    const at = framed(said, { notes, height: (width) => side(width) * rows + 10 + WORD * ((laid(width).at(-1)?.line ?? -1) + 1) });
    return { ...at, sentence, side: side(at.width), words: laid(at.width) };
  },
  draw(pen, m, at, { theme, ink, soft, focus, sentence, overlay }) {
    captions(pen, at, ink, soft);
    const { rows, columns, picture } = sentence.layout, { side, top, words } = at, found = links(sentence, m), floor = top + side * rows + 10;
    const hue = (c, value, row) => `rgba(${HUES[Math.round((255 * c) / Math.max(m.C - 1, 1))]},${Math.abs(share(m, value, row)).toFixed(3)})`;
    pen.text(`attention to ${focus.columns.length ? focus.columns.map((c) => m.columns[c]).join(" + ") : "the word with the largest weight"}`, 2, top - 10, { fill: soft, size: 12 });
    pen.rect(0, top, side * columns, side * rows, "#fff");
    for (let row = 0; row < m.R; row++) {
      const c = focus.columns.length ? focus.columns[0] : found[row], x = side * (row % columns), y = top + side * Math.floor(row / columns);
      if (c >= 0 && c < m.C) pen.rect(x, y, side, side, hue(c, together(m, [row], focus.columns.length ? focus.columns : [c]), row));
    }
    if (picture) pen.image(decoded.get(picture), 0, top, side * columns, side * rows);
    for (let row = 0; row < m.R; row++) {
      const x = side * (row % columns), y = top + side * Math.floor(row / columns), on = focus.rows.includes(row);
      pen.path(`M${x} ${y}h${side}v${side}h${-side}z`, { stroke: "#b9bec8", width: 0.6 });
      if (on) pen.path(`M${x + 1} ${y + 1}h${side - 2}v${side - 2}h${2 - side}z`, { stroke: "#111", width: 2.2 });
      if (m.signed || found[row] < 0) continue;
      if (side > 40) pen.text(fitted(m.columns[found[row]], 11, side - 4), x + side / 2, y + side - 9, { fill: "#333", size: 11, align: "center" });
      const known = overlay && outcome(sentence, m, row, found[row]), d = (known === "wrong" ? cross : disc)(x + side - 9, y + 9, 4);
      if (!known) continue;
      pen.path(d, { stroke: "#fff", width: 5 });
      pen.path(d, known === "wrong" ? { stroke: MARKS.light.wrong, width: 2.5 } : { fill: MARKS.light.right });
    }
    const read = (c) => (focus.rows.length ? [together(m, focus.rows, [c]), focus.rows[0]] : found.includes(c) ? [m.scale.most, 0] : [0, 0]);
    words.forEach(({ x, line, w }, c) => {
      const y = floor + WORD * line, [value, row] = read(c), strong = share(m, value, row) > 0.3;
      pen.rect(x, y, w, WORD - 4, hue(c, value, row));
      if (focus.columns.includes(c)) pen.path(`M${x} ${y}h${w}v${WORD - 4}h${-w}z`, { stroke: ink, width: 1.5 });
      pen.text(fitted(m.columns[c], 13, w - 6), x + w / 2, y + WORD / 2 - 2, { fill: strong ? "#111" : ink, size: 13, align: "center" });
    });
  },
  cell(_m, { sentence, side, top, words }, x, y) {
    const { rows, columns } = sentence.layout, across = Math.floor(x / side), down = Math.floor((y - top) / side);
    if (x >= 0 && across < columns && down >= 0 && down < rows) return { row: down * columns + across, column: null };
    const low = y - top - side * rows - 10, column = words.findIndex((word) => low >= WORD * word.line && low < WORD * (word.line + 1) && x >= word.x && x < word.x + word.w);
    return column >= 0 ? { row: null, column } : NOWHERE;
  },
};
