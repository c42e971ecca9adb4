// A picture, or blank cells, lit by the attention of the rows in focus.

const SECOND = {
  name: "grid", first: true,
  ready: ({ layout }) => layout.picture && loaded(layout.picture),
  place(_m, { sentence, ...said }) {
    const { rows, columns, picture } = sentence.layout;
    const notes = [`the ${picture ? "lighter" : "stronger"} a cell, the larger its weight, up to the largest weight`, ...(sentence.gold ? ["framed: gold; disc: the largest weight is on gold; cross: it is not"] : [])];
    const side = (width) => Math.min(width / columns, 460 / rows);
    const at = framed(said, { notes, height: (width) => side(width) * rows });
    return { ...at, sentence, side: side(at.width) };
  },
  draw(pen, m, at, said) {
    const { theme, focus, sentence, overlay } = said;
    const { rows, columns, picture } = sentence.layout, { side, top } = at;
    const { values, largest } = given(m, focus);
    headed(pen, m, at, said, largest);
    if (picture) {
      pen.image(decoded.get(picture), 0, top, side * columns, side * rows);
      pen.rect(0, top, side * columns, side * rows, "rgba(0,0,0,0.5)");
    }
    const corner = (position) => [side * (position % columns), top + side * Math.floor(position / columns)];
    values.forEach((value, position) => {
      const strength = largest ? value / largest : 0, [x, y] = corner(position);
      if (!picture) pen.rect(x, y, side - 1, side - 1, shade(theme, strength, m.signed).css);
      else if (strength) pen.rect(x, y, side, side, `rgba(${strength < 0 ? "255,120,60" : "240,228,66"},${(0.8 * Math.abs(strength)).toFixed(3)})`);
    });
    // A line around a set of cells, in colour on a wider white line.
    const frame = (isIn, stroke) => {
      let d = "";
      const inside = (row, column) => row >= 0 && row < rows && column >= 0 && column < columns && isIn(row * columns + column);
      for (let row = 0; row <= rows; row++)
        for (let column = 0; column <= columns; column++) {
          const here = Boolean(inside(row, column)), from = `M${side * column} ${top + side * row}`;
          if (here !== Boolean(inside(row - 1, column))) d += `${from}h${side}`;
          if (here !== Boolean(inside(row, column - 1))) d += `${from}v${side}`;
        }
      pen.path(d, { stroke: "#fff", width: 4.5 });
      pen.path(d, { stroke, width: 2.2 });
    };
    if (overlay) frame((p) => goldFor(sentence, m, focus, p), "#d55e00");
    frame((p) => focus.columns.includes(p), "#111");
    if (overlay) verdict(pen, sentence, m, focus, theme, (p) => corner(p).map((edge) => edge + side / 2));
  },
  cell(_m, { sentence, side, top }, x, y) {
    const { rows, columns } = sentence.layout, column = Math.floor(x / side), row = Math.floor((y - top) / side);
    if (!(column >= 0 && column < columns && row >= 0 && row < rows)) return NOWHERE;
    return { row: state.pin.row, column: row * columns + column };
  },
};
