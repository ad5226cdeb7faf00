package dev.dstack.api.log;

import java.io.ByteArrayOutputStream;

/**
 * Takes out what steers terminals: escape sequences as of ECMA-48. Fed piece by piece, since a
 * sequence may be cut anywhere; an invalid one is left where it is bytes of something else.
 */
final class AnsiText {
  private static final int ESC = 0x1b;
  private static final int BEL = 0x07;

  /** No sequence is this long: what began as one is binary data. */
  private static final int LONGEST = 4_096;

  private enum State {
    TEXT,
    ESCAPE,
    /** After ESC [ */
    CONTROL,
    /** After ESC ] and the like, until BEL or ESC \\ */
    STRING,
    STRING_ESCAPE
  }

  private State state = State.TEXT;
  private int length;

  byte[] strip(byte[] bytes) {
    if (state == State.TEXT && !hasEscape(bytes)) {
      return bytes;
    }
    ByteArrayOutputStream plain = new ByteArrayOutputStream(bytes.length);
    for (byte b : bytes) {
      take(b & 0xff, plain);
    }
    return plain.toByteArray();
  }

  private static boolean hasEscape(byte[] bytes) {
    for (byte b : bytes) {
      if (b == ESC) {
        return true;
      }
    }
    return false;
  }

  private void take(int b, ByteArrayOutputStream plain) {
    length++;
    state =
        switch (state) {
          case TEXT -> {
            if (b != ESC) {
              plain.write(b);
              yield State.TEXT;
            }
            length = 0;
            yield State.ESCAPE;
          }
          case ESCAPE -> afterEscape(b, plain);
          case CONTROL -> {
            if (b >= 0x20 && b <= 0x3f) {
              yield State.CONTROL;
            }
            if (b < 0x40 || b > 0x7e) {
              // Not one, after all.
              plain.write(b);
            }
            yield State.TEXT;
          }
          case STRING -> {
            if (b == BEL || length > LONGEST) {
              yield State.TEXT;
            }
            yield b == ESC ? State.STRING_ESCAPE : State.STRING;
          }
          case STRING_ESCAPE -> b == '\\' ? State.TEXT : State.STRING;
        };
  }

  private static State afterEscape(int b, ByteArrayOutputStream plain) {
    return switch (b) {
      case '[' -> State.CONTROL;
      case ']', 'P', 'X', '^', '_' -> State.STRING;
      case ESC -> State.ESCAPE;
      default -> {
        if (b >= 0x20 && b <= 0x2f) {
          // ESC ( B and the like: one more comes.
          yield State.ESCAPE;
        }
        if (b < 0x20 || b > 0x7e) {
          plain.write(b);
        }
        yield State.TEXT;
      }
    };
  }
}
