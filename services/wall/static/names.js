// Names of offices as there is room for them: whole, in smaller type, by the abbreviations of
// Vietnamese administration, on two lines. Pure: (name, room) -> {text, size}.

/** What every clerk reads as the whole; the longer ones first. */
const ABBREVIATIONS = [
  ["Lao động - Thương binh và Xã hội", "LĐ-TB&XH"],
  ["Lao động, Thương binh và Xã hội", "LĐ-TB&XH"],
  ["Nông nghiệp và Phát triển nông thôn", "NN&PTNT"],
  ["Nông nghiệp và Môi trường", "NN&MT"],
  ["Văn hóa, Thể thao và Du lịch", "VH-TT&DL"],
  ["Văn hóa và Thông tin", "VH&TT"],
  ["Thông tin và Truyền thông", "TT&TT"],
  ["Tài nguyên và Môi trường", "TN&MT"],
  ["Giáo dục và Đào tạo", "GD&ĐT"],
  ["Khoa học và Công nghệ", "KH&CN"],
  ["Kế hoạch và Đầu tư", "KH&ĐT"],
  ["Giao thông vận tải", "GTVT"],
  ["Tài chính - Kế hoạch", "TC-KH"],
  ["Kinh tế - Hạ tầng", "KT-HT"],
  ["Kinh tế và Hạ tầng", "KT-HT"],
  ["thủ tục hành chính", "TTHC"],
  ["hành chính công", "HCC"],
  ["vi phạm hành chính", "VPHC"],
  ["Hội đồng nhân dân", "HĐND"],
  ["Ủy ban nhân dân", "UBND"],
  ["Uỷ ban nhân dân", "UBND"],
  ["Đăng ký đất đai", "ĐKĐĐ"],
  ["Văn phòng", "VP"],
  ["thành phố", "TP."],
];
/** Sizes of type in hundredths of the screen's height; below the smaller one nothing is read. */
const TYPE = 3.4;
const SMALLER = 3;

/** The name in the abbreviations that are in use; NFC, whatever it is written in. */
export function abbreviated(name) {
  return ABBREVIATIONS.reduce(
    (text, [long, short]) => text.replace(new RegExp(long, "giu"), short),
    name.normalize(),
  );
}

/**
 * {text, size}: `size` is "", "smaller" or "two": two lines of the smaller type. `room` is the
 * line's length and `type` the size of its letters, both in hundredths of the screen's height.
 */
export function fitted(name, room, type = TYPE) {
  const short = abbreviated(name);
  for (const [text, size] of [[name, ""], [name, "smaller"], [short, ""], [short, "smaller"]]) {
    if (width(text) * (size ? SMALLER : type) <= room) return { text, size };
  }
  // words are broken between, so two lines hold less than twice as much
  return { text: width(name) * SMALLER <= 1.7 * room ? name : short, size: "two" };
}

/** The name, abbreviated only where it is longer than the room that it has. */
export const shortened = (name, room) => (width(name) * SMALLER <= room ? name : abbreviated(name));

const WIDTHS = [
  [/[il.,·' ]/, 0.29], [/[rtf]/, 0.44], [/[mwMW]/, 0.92], [/[EFLPTY]/, 0.65], [/[A-ZĐ\d&]/, 0.77],
];

/** Of the text in the wall's letters, in their height; hardly ever less than it is. */
export function width(text) {
  const letters = [...text.normalize("NFD").replace(/\p{M}/gu, "")];
  return letters.reduce((n, one) => n + (WIDTHS.find(([some]) => some.test(one)) || [0, 0.62])[1], 0);
}
