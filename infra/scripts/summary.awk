# Adds up what Maven's log says of the tests; then come, from surefire's XML reports after it, the names of
# tests that were skipped, then those that passed at the second try only, and those that failed, with what
# they said. The last line has the totals.
# Counts are from the log and not from the reports: where two engines run tests of one class, the second
# report overwrites the first.

function attribute(text, name,    value) {
  if (!match(text, "[ \t\n]" name "=\"[^\"]*\"")) return ""
  value = substr(text, RSTART, RLENGTH)
  sub("^[ \t\n]" name "=\"", "", value)
  sub("\"$", "", value)
  gsub("&lt;", "<", value); gsub("&gt;", ">", value); gsub("&quot;", "\"", value); gsub("&amp;", "\\&", value)
  return value
}

function number(name) {
  return match($0, name ": [0-9.]+") ? substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 2) : 0
}

FNR == 1 { report = FILENAME ~ /\.xml$/ }

!report && /^\[INFO\] Building dstack/ { module = $3 }

!report && /Tests run: [0-9]+, .*Time elapsed: / {
  if (!(module in tests)) order[++modules] = module
  class = $NF
  run = number("Tests run")
  bad = number("Failures") + number("Errors")
  if (pending[module, class] > 0) {
    # The second try of what failed in this class.
    again = pending[module, class]
    tests[module] += run > again ? run - again : 0
    failed[module] += bad - again
    for (i = 1; i <= nfailures; i++) {
      if (failures[i] in fails && index(failures[i], class ".") == 1) {
        delete fails[failures[i]]
        second[failures[i]] = 1
      }
    }
  } else {
    tests[module] += run
    failed[module] += bad
    skipped[module] += number("Skipped")
  }
  pending[module, class] = bad
  time[module] += number("Time elapsed")
}

!report && saying && (/^\tat / || /^\[(INFO|WARNING|ERROR)\]/) { saying = "" }
!report && saying && !/^[ \t]*$/ && lines[saying] < 4 { said[saying] = said[saying] "\n    " substr($0, 1, 240); lines[saying]++ }

!report && /<<< (FAILURE|ERROR)!/ && !/Tests run: / {
  name = $0
  sub(/^\[ERROR\] */, "", name)
  sub(/ -- Time elapsed.*/, "", name)
  if (!(name in seen)) { seen[name] = 1; failures[++nfailures] = name }
  fails[name] = 1
  delete second[name]
  said[name] = ""
  lines[name] = 0
  saying = name
}

report && /<testcase[ \t]/ { test = attribute($0, "classname") "." attribute($0, "name") }
report && /<skipped[ \t\/>]/ {
  why = attribute($0, "message")
  skips[++nskips] = test (why == "" ? "" : ": " why)
}

END {
  printf "%-26s %7s %7s %7s %8s\n", "module", "tests", "failed", "skipped", "seconds"
  for (i = 1; i <= modules; i++) {
    m = order[i]
    printf "%-26s %7d %7d %7d %8.1f\n", m, tests[m], failed[m], skipped[m], time[m]
    all += tests[m]; red += failed[m]; none += skipped[m]
  }
  for (i = 1; i <= nskips; i++) printf "skipped: %s\n", skips[i]
  for (i = 1; i <= nfailures; i++) if (failures[i] in second) printf "second try: %s%s\n", failures[i], said[failures[i]]
  for (i = 1; i <= nfailures; i++) if (failures[i] in fails) printf "failed: %s%s\n", failures[i], said[failures[i]]
  printf "%d passed, %d failed, %d skipped\n", all - red - none, red, none
}
