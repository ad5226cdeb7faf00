package dev.dstack.cli.term;

import java.util.ArrayList;
import java.util.List;

/** Text measured in terminal columns. */
final class Widths {
  private Widths() {}

  static int of(String text) {
    int width = 0;
    for (int i = 0; i < text.length(); ) {
      int point = text.codePointAt(i);
      width += of(point);
      i += Character.charCount(point);
    }
    return width;
  }

  private static int of(int point) {
    if (point < 0x300) {
      return point < 0x20 ? 0 : 1;
    }
    int type = Character.getType(point);
    if (type == Character.NON_SPACING_MARK || type == Character.FORMAT) {
      return 0;
    }
    boolean wide =
        (point >= 0x1100 && point <= 0x115f)
            || (point >= 0x2e80 && point <= 0xa4cf)
            || (point >= 0xac00 && point <= 0xd7a3)
            || (point >= 0xf900 && point <= 0xfaff)
            || (point >= 0xfe30 && point <= 0xfe6f)
            || (point >= 0xff00 && point <= 0xff60)
            || (point >= 0x1f300 && point <= 0x1faff);
    return wide ? 2 : 1;
  }

  static String pad(String text, int width) {
    int missing = width - of(text);
    return missing <= 0 ? text : text + " ".repeat(missing);
  }

  /** The start of the text, with an ellipsis where something is missing. */
  static String cut(String text, int width) {
    if (of(text) <= width) {
      return text;
    }
    StringBuilder kept = new StringBuilder();
    int used = 0;
    for (int i = 0; i < text.length(); ) {
      int point = text.codePointAt(i);
      if (used + of(point) > width - 1) {
        break;
      }
      used += of(point);
      kept.appendCodePoint(point);
      i += Character.charCount(point);
    }
    return kept.append('…').toString();
  }

  /** Broken at spaces; a word longer than a line is broken where the line ends. */
  static List<String> wrap(String text, int width) {
    List<String> lines = new ArrayList<>();
    for (String paragraph : text.split("\n", -1)) {
      if (of(paragraph) <= width) {
        lines.add(paragraph); // with its blanks, which may be an indentation
        continue;
      }
      StringBuilder line = new StringBuilder();
      for (String word : paragraph.split(" ", -1)) {
        String rest = word;
        if (!line.isEmpty() && of(line.toString()) + 1 + of(rest) > width) {
          lines.add(line.toString());
          line.setLength(0);
        } else if (!line.isEmpty()) {
          line.append(' ');
        }
        while (of(rest) > width) {
          int end = fitting(rest, width);
          lines.add(rest.substring(0, end));
          rest = rest.substring(end);
        }
        line.append(rest);
      }
      lines.add(line.toString());
    }
    return lines;
  }

  static int longestWord(String text) {
    int longest = 0;
    int start = 0;
    for (int i = 0; i <= text.length(); i++) {
      if (i == text.length() || text.charAt(i) == ' ' || text.charAt(i) == '\n') {
        longest = Math.max(longest, of(text.substring(start, i)));
        start = i + 1;
      }
    }
    return longest;
  }

  private static int fitting(String text, int width) {
    int used = 0;
    int i = 0;
    while (i < text.length()) {
      int point = text.codePointAt(i);
      if (used + of(point) > width && i > 0) {
        break;
      }
      used += of(point);
      i += Character.charCount(point);
    }
    return i;
  }
}
