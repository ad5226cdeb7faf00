package dev.dstack.agent.ssh;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import org.apache.sshd.common.util.buffer.Buffer;

/**
 * The terminal that a client wants, RFC 4254 6.2.
 *
 * @param modes encoded terminal modes, RFC 4254 8
 */
record TerminalRequest(String term, int columns, int rows, int width, int height, byte[] modes) {
  private static final int MAX_CELLS = 10_000;
  private static final int IUTF8 = 0x4000;

  /** Offsets in {@code struct termios}. */
  private static final int INPUT = 0;

  private static final int OUTPUT = 4;
  private static final int CONTROL = 8;
  private static final int LOCAL = 12;
  private static final int CHARACTERS = 17;

  /** Opcode of the protocol → index of the control character. */
  private static final Map<Integer, Integer> CHARACTER =
      Map.ofEntries(
          Map.entry(1, 0), // INTR
          Map.entry(2, 1), // QUIT
          Map.entry(3, 2), // ERASE
          Map.entry(4, 3), // KILL
          Map.entry(5, 4), // EOF
          Map.entry(6, 11), // EOL
          Map.entry(7, 16), // EOL2
          Map.entry(8, 8), // START
          Map.entry(9, 9), // STOP
          Map.entry(10, 10), // SUSP
          Map.entry(12, 12), // REPRINT
          Map.entry(13, 14), // WERASE
          Map.entry(14, 15), // LNEXT
          Map.entry(18, 13)); // DISCARD

  private record Flag(int field, int bit) {}

  /** Opcode of the protocol → a bit. */
  private static final Map<Integer, Flag> FLAG =
      Map.ofEntries(
          Map.entry(30, new Flag(INPUT, 0x4)), // IGNPAR
          Map.entry(31, new Flag(INPUT, 0x8)), // PARMRK
          Map.entry(32, new Flag(INPUT, 0x10)), // INPCK
          Map.entry(33, new Flag(INPUT, 0x20)), // ISTRIP
          Map.entry(34, new Flag(INPUT, 0x40)), // INLCR
          Map.entry(35, new Flag(INPUT, 0x80)), // IGNCR
          Map.entry(36, new Flag(INPUT, 0x100)), // ICRNL
          Map.entry(37, new Flag(INPUT, 0x200)), // IUCLC
          Map.entry(38, new Flag(INPUT, 0x400)), // IXON
          Map.entry(39, new Flag(INPUT, 0x800)), // IXANY
          Map.entry(40, new Flag(INPUT, 0x1000)), // IXOFF
          Map.entry(41, new Flag(INPUT, 0x2000)), // IMAXBEL
          Map.entry(42, new Flag(INPUT, IUTF8)),
          Map.entry(50, new Flag(LOCAL, 0x1)), // ISIG
          Map.entry(51, new Flag(LOCAL, 0x2)), // ICANON
          Map.entry(53, new Flag(LOCAL, 0x8)), // ECHO
          Map.entry(54, new Flag(LOCAL, 0x10)), // ECHOE
          Map.entry(55, new Flag(LOCAL, 0x20)), // ECHOK
          Map.entry(56, new Flag(LOCAL, 0x40)), // ECHONL
          Map.entry(57, new Flag(LOCAL, 0x80)), // NOFLSH
          Map.entry(58, new Flag(LOCAL, 0x100)), // TOSTOP
          Map.entry(59, new Flag(LOCAL, 0x8000)), // IEXTEN
          Map.entry(60, new Flag(LOCAL, 0x200)), // ECHOCTL
          Map.entry(61, new Flag(LOCAL, 0x800)), // ECHOKE
          Map.entry(62, new Flag(LOCAL, 0x4000)), // PENDIN
          Map.entry(70, new Flag(OUTPUT, 0x1)), // OPOST
          Map.entry(71, new Flag(OUTPUT, 0x2)), // OLCUC
          Map.entry(72, new Flag(OUTPUT, 0x4)), // ONLCR
          Map.entry(73, new Flag(OUTPUT, 0x8)), // OCRNL
          Map.entry(74, new Flag(OUTPUT, 0x10)), // ONOCR
          Map.entry(75, new Flag(OUTPUT, 0x20)), // ONLRET
          Map.entry(92, new Flag(CONTROL, 0x100)), // PARENB
          Map.entry(93, new Flag(CONTROL, 0x200))); // PARODD

  TerminalRequest {
    columns = Math.clamp(columns, 0, MAX_CELLS);
    rows = Math.clamp(rows, 0, MAX_CELLS);
    width = Math.clamp(width, 0, 0xFFFF);
    height = Math.clamp(height, 0, 0xFFFF);
    modes = modes.clone();
  }

  static TerminalRequest read(Buffer buffer) {
    return new TerminalRequest(
        buffer.getString(),
        buffer.getInt(),
        buffer.getInt(),
        buffer.getInt(),
        buffer.getInt(),
        buffer.getBytes());
  }

  /** What the client says of its keys and its line; what it does not mention stays as it is. */
  void applyModes(LibC.Calls calls, int master) throws IOException {
    MemorySegment termios = calls.attributes(master);
    for (int at = 0; at + 5 <= modes.length; at += 5) {
      int opcode = modes[at] & 0xFF;
      // Nothing above is defined with an argument of this size.
      if (opcode == 0 || opcode >= 160) {
        break;
      }
      int value =
          (modes[at + 1] & 0xFF) << 24
              | (modes[at + 2] & 0xFF) << 16
              | (modes[at + 3] & 0xFF) << 8
              | (modes[at + 4] & 0xFF);
      Integer character = CHARACTER.get(opcode);
      Flag flag = FLAG.get(opcode);
      if (character != null) {
        // 255 says "none", which is 0 here.
        byte code = (byte) (value == 255 ? 0 : value);
        termios.set(ValueLayout.JAVA_BYTE, CHARACTERS + character, code);
      } else if (flag != null) {
        int bits = termios.get(ValueLayout.JAVA_INT, flag.field());
        int changed = value == 0 ? bits & ~flag.bit() : bits | flag.bit();
        termios.set(ValueLayout.JAVA_INT, flag.field(), changed);
      }
    }
    calls.attributes(master, termios);
  }
}
