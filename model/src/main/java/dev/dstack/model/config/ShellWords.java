package dev.dstack.model.config;

import java.util.ArrayList;
import java.util.List;

/** Splits a line into words as a shell does, without expanding anything. */
final class ShellWords {
  private static final String ESCAPED_IN_QUOTES = "\\\"$`";

  private final String line;
  private final List<String> words = new ArrayList<>();
  private final StringBuilder word = new StringBuilder();
  private boolean inWord;
  private int at;

  private ShellWords(String line) {
    this.line = line;
  }

  /**
   * @throws IllegalArgumentException when a quote is not closed or nothing follows a backslash
   */
  static List<String> split(String line) {
    ShellWords words = new ShellWords(line);
    words.read();
    return List.copyOf(words.words);
  }

  private void read() {
    while (at < line.length()) {
      char c = line.charAt(at++);
      switch (c) {
        case ' ', '\t', '\r', '\n' -> end();
        case '\'' -> quoted();
        case '"' -> doubleQuoted();
        case '\\' -> add(next("a backslash"));
        default -> add(c);
      }
    }
    end();
  }

  private void quoted() {
    int close = line.indexOf('\'', at);
    if (close < 0) {
      throw new IllegalArgumentException("a quote (') is not closed in: " + line);
    }
    word.append(line, at, close);
    inWord = true;
    at = close + 1;
  }

  private void doubleQuoted() {
    inWord = true;
    while (true) {
      char c = next("a quote (\")");
      if (c == '"') {
        return;
      }
      if (c != '\\') {
        word.append(c);
        continue;
      }
      char escaped = next("a backslash");
      if (ESCAPED_IN_QUOTES.indexOf(escaped) < 0) {
        word.append('\\');
      }
      word.append(escaped);
    }
  }

  private char next(String after) {
    if (at == line.length()) {
      throw new IllegalArgumentException(after + " is the last of: " + line);
    }
    return line.charAt(at++);
  }

  private void add(char c) {
    word.append(c);
    inWord = true;
  }

  private void end() {
    if (inWord) {
      words.add(word.toString());
      word.setLength(0);
      inWord = false;
    }
  }
}
