package dev.dstack.backends.ssh;

import java.util.List;

/**
 * What is carried out on a host, by nothing but a POSIX shell, tar, gzip and what every Linux has.
 * All of it may be repeated and be cut off at any point.
 */
final class HostScripts {
  /** Everything of ours on a host lies here, and in one unit of systemd where there is one. */
  static final String HOME = "/var/lib/dstack-agent";

  static final String UNIT_NAME = "dstack-agent.service";
  static final String ANSWER = "dstack:";

  /** Of whoever logs in, root or not: the real script, $0, runs as root. */
  private static final String AS_ROOT =
      "[ \"$(id -u)\" = 0 ] && exec /bin/sh -c \"$0\"; exec sudo -n -- /bin/sh -c \"$0\"";

  private static final String COMMON =
      """
      PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      LC_ALL=C
      export PATH LC_ALL
      umask 022
      D=HOME_DIRECTORY
      say() { printf 'dstack:%s=%s\\n' "$1" "$2"; }
      pid() { sed -n 's/.*"pid":\\([0-9]*\\).*/\\1/p' "$D/agent/agent.json" 2> /dev/null; }
      # Another process may have its number by now.
      alive() { [ -n "$1" ] && grep -qs dev.dstack.agent.Main "/proc/$1/cmdline"; }
      nap() { sleep 0.1 2> /dev/null || sleep 1; }
      systemd() { [ -d /run/systemd/system ] && command -v systemctl > /dev/null; }
      tell() {
        say agent "$(cat "$D/agent/agent.json")"
        say token "$(cat "$D/agent/token")"
      }
      end_agent() {
        if systemd && [ -e "/etc/systemd/system/UNIT_NAME" ]; then
          systemctl stop UNIT_NAME 2> /dev/null || true
        fi
        k=$(cat "$D/keeper" 2> /dev/null || true)
        if [ -n "$k" ] && grep -qs "$D/keep" "/proc/$k/cmdline"; then kill "$k" 2> /dev/null || true; fi
        p=$(pid || true)
        if alive "$p"; then
          kill "$p" 2> /dev/null || true
          i=0
          while alive "$p" && [ "$i" -lt 100 ]; do i=$((i + 1)); nap; done
          if alive "$p"; then kill -9 "$p" 2> /dev/null || true; nap; fi
        fi
      }
      """
          .replace("HOME_DIRECTORY", HOME)
          .replace("UNIT_NAME", UNIT_NAME);

  /** Changes nothing. */
  private static final String PROBE =
      """
      say root 1
      say os "$(uname -s)"
      say machine "$(uname -m)"
      say time "$(date +%s)"
      if systemd; then say systemd 1; fi
      d=$D
      while [ ! -d "$d" ]; do d=${d%/*}; d=${d:-/}; done
      say disk "$(df -Pk "$d" | tail -n 1)"
      say owner "$(cat "$D/owner" 2> /dev/null)"
      say launched "$(cat "$D/launched" 2> /dev/null)"
      for r in "$D"/runtime/*/VERSION; do
        if [ -e "$r" ]; then r=${r%/VERSION}; say runtime "${r##*/}"; fi
      done
      if alive "$(pid)"; then tell; fi
      exit 0
      """;

  /** $N: the runtime's name. Its packed form comes as standard input. */
  private static final String UNPACK =
      """
      set -e
      mkdir -p "$D/runtime"
      chmod 711 "$D"
      T=$D/runtime/.half.$$
      # Of those whose number nobody has, or somebody else since the host was started anew.
      for t in "$D"/runtime/.half.*; do
        if [ "$t" = "$T" ] || ! grep -qs half "/proc/${t##*.}/cmdline"; then rm -rf "$t"; fi
      done
      trap 'rm -rf "$T"' EXIT
      mkdir "$T"
      chmod 755 "$T"
      tar -C "$T" -xzf - 2> "$T.err" || { cat "$T.err" >&2; rm -f "$T.err"; exit 41; }
      rm -f "$T.err"
      cd "$T"
      sha256sum -c MANIFEST > /dev/null || exit 42
      cd /
      mv "$T" "$D/runtime/$N" 2> /dev/null || [ -e "$D/runtime/$N/VERSION" ]
      """;

  /**
   * $N: the runtime's name, $L: its loader, $O: the owner, $S: what tells this launch from others.
   */
  private static final String START =
      """
      set -e
      mkdir -p "$D/agent"
      chmod 711 "$D"
      put() { cat > "$1.new" && chmod "$2" "$1.new" && mv "$1.new" "$1"; }
      printf '%s\\n' "$O" | put "$D/owner" 644
      rm -f "$D/launched"
      put "$D/start" 755 << END
      #!/bin/sh
      R=$D/runtime/$N
      cd $D/agent
      exec >> $D/agent.out 2>&1
      unset LD_LIBRARY_PATH LD_PRELOAD JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS CLASSPATH
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
      LOCPATH=\\$R/glibc/locale LC_ALL=C.UTF-8 MALLOC_ARENA_MAX=1
      export PATH HOME LOCPATH LC_ALL MALLOC_ARENA_MAX
      c=
      for j in \\$R/agent/*.jar; do c=\\$c:\\$j; done
      exec \\$R/glibc/$L --library-path \\$R/glibc:\\$R/jre/lib:\\$R/jre/lib/server \\$R/jre/bin/java \\\\
        -Xmx64m -Xss512k -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData \\\\
        --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \\\\
        -Dslf4j.internal.verbosity=ERROR -Djdk.lang.Process.launchMechanism=FORK \\\\
        -XX:+ExitOnOutOfMemoryError -XX:ErrorFile=$D/agent/agent-crash.log \\\\
        -cp "\\${c#:}" dev.dstack.agent.Main --home $D/agent --parent-less "\\$@"
      END
      end_agent
      : > "$D/agent.out"
      if systemd; then
        put "/etc/systemd/system/UNIT_NAME" 644 << END
      UNIT_TEXT
      END
        systemctl daemon-reload
        systemctl enable UNIT_NAME > /dev/null 2>&1
        systemctl restart UNIT_NAME
      else
        put "$D/keep" 755 << END
      #!/bin/sh
      echo \\$\\$ > $D/keeper
      wait=1
      while :; do
        /bin/sh $D/start --runtime $D/runtime/$N
        case \\$? in 0 | 2 | 3 | 143) exit ;; esac
        sleep \\$wait
        [ \\$wait -lt 30 ] && wait=\\$((wait * 2))
      done
      END
        R=$D/runtime/$N
        "$R/glibc/$L" --library-path "$R/glibc" "$R/bin/setsid" \\
          /bin/sh "$D/keep" < /dev/null > /dev/null 2>&1 &
      fi
      i=0
      until alive "$(pid)" && [ -s "$D/agent/token" ]; do
        i=$((i + 1))
        if [ "$i" -gt 300 ]; then tail -n 5 "$D/agent.out" >&2; exit 43; fi
        nap
      done
      printf '%s\\n' "$S" | put "$D/launched" 644
      tell
      # What a container still runs from stays until the next time.
      for r in "$D"/runtime/*; do
        n=${r##*/}
        if [ "$n" != "$N" ] && ! cat /proc/[0-9]*/mountinfo 2> /dev/null | grep -q "/$n"; then rm -rf "$r"; fi
      done
      """;

  /** $K: 1 keeps what is copied to a host, for whoever has it next. */
  private static final String REMOVE =
      """
      if [ -d "$D" ]; then
        end_agent
        s=0
        if [ -x "$D/start" ] && [ -d "$D/agent" ]; then
          /bin/sh "$D/start" --stop || s=$?
        fi
        if [ "$s" != 0 ] && [ -n "$(ls "$D/agent/tasks" 2> /dev/null)" ]; then
          tail -n 5 "$D/agent.out" >&2
          exit 44
        fi
      fi
      if [ -e "/etc/systemd/system/UNIT_NAME" ]; then
        systemctl disable UNIT_NAME > /dev/null 2>&1
        rm -f "/etc/systemd/system/UNIT_NAME"
        systemctl daemon-reload > /dev/null 2>&1
      fi
      if [ "$K" = 1 ]; then
        for f in "$D"/*; do [ "$f" = "$D/runtime" ] || rm -rf "$f"; done
        [ ! -e "$D/agent" ]
      else
        # It may be a mount of its own, which stays.
        rm -rf "$D" 2> /dev/null
        [ -z "$(ls -A "$D" 2> /dev/null)" ]
      fi
      """;

  /** $1: marks the lines; those that come as $2 replace the ones with the same mark. */
  private static final String AUTHORIZE =
      """
      umask 077
      mkdir -p "$HOME/.ssh"
      f=$HOME/.ssh/authorized_keys
      i=0
      until mkdir "$f.dstack" 2> /dev/null; do
        i=$((i + 1))
        # Whoever held it is gone.
        if [ "$i" -gt 50 ]; then rmdir "$f.dstack" 2> /dev/null; fi
        sleep 0.1 2> /dev/null || sleep 1
      done
      trap 'rmdir "$f.dstack"' EXIT
      [ -e "$f" ] || : > "$f"
      if [ -n "$(tail -c 1 "$f")" ]; then echo >> "$f"; fi
      new=$(grep -v " dstack:$1\\$" "$f"; printf '%s' "$2")
      printf '%s\\n' "$new" > "$f.dstack/new" && cat "$f.dstack/new" > "$f"
      s=$?
      rm -f "$f.dstack/new"
      exit "$s"
      """;

  private HostScripts() {}

  /**
   * Of whoever logs in.
   *
   * @param keys empty: none have this label any more
   */
  static String authorize(String label, List<String> keys) {
    StringBuilder lines = new StringBuilder();
    for (String key : keys) {
      String[] words = key.strip().split("\\s+");
      if (words.length >= 2) {
        lines.append(words[0]).append(' ').append(words[1]).append(" dstack:").append(label);
        lines.append('\n');
      }
    }
    return "/bin/sh -c "
        + quoted(AUTHORIZE)
        + " sh "
        + quoted(label)
        + " "
        + quoted(lines.toString());
  }

  /**
   * The unit of the agent.
   *
   * @param runtime name of the runtime
   */
  static String unit(String runtime) {
    return """
        [Unit]
        Description=dstack host agent
        Wants=network-online.target
        After=network-online.target docker.service
        StartLimitIntervalSec=0

        [Service]
        ExecStart=/bin/sh HOME_DIRECTORY/start --runtime HOME_DIRECTORY/runtime/RUNTIME_NAME
        Restart=always
        RestartSec=1
        RestartPreventExitStatus=2 3
        SuccessExitStatus=143
        KillMode=process
        OOMScoreAdjust=-900

        [Install]
        WantedBy=multi-user.target"""
        .replace("HOME_DIRECTORY", HOME)
        .replace("RUNTIME_NAME", runtime);
  }

  static String probe() {
    return asRoot(COMMON + PROBE);
  }

  static String unpack(PackedRuntime runtime) {
    return asRoot("N=" + runtime.name() + "\n" + COMMON + UNPACK);
  }

  /**
   * @param owner one line
   */
  static String start(PackedRuntime runtime, String owner, String launch) {
    String variables =
        "N="
            + runtime.name()
            + "\nL="
            + runtime.loader()
            + "\nO="
            + quoted(owner)
            + "\nS="
            + quoted(launch)
            + "\n";
    return asRoot(
        variables
            + COMMON
            + START.replace("UNIT_NAME", UNIT_NAME).replace("UNIT_TEXT", unit(runtime.name())));
  }

  static String remove() {
    return remove("0");
  }

  /** Everything but the runtimes. */
  static String clear() {
    return remove("1");
  }

  private static String remove(String keep) {
    return asRoot("K=" + keep + "\n" + COMMON + REMOVE.replace("UNIT_NAME", UNIT_NAME));
  }

  /** Changes when the agent has to be started anew, as it would be started otherwise. */
  static String launch(PackedRuntime runtime) {
    return runtime.name() + " " + Integer.toHexString((COMMON + START + unit("")).hashCode());
  }

  private static String asRoot(String script) {
    return "/bin/sh -c " + quoted(AS_ROOT) + " " + quoted(script);
  }

  static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
