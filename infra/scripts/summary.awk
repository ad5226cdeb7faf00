# Adds up surefire's XML reports. Records are tags, so that nothing depends on line breaks.
# Prints a line for each module, then the names of skipped and failed tests, then the totals.
BEGIN { RS = "<" }

function attribute(name,    text) {
  if (!match($0, "[ \t\n]" name "=\"[^\"]*\"")) return ""
  text = substr($0, RSTART, RLENGTH)
  sub("^[ \t\n]" name "=\"", "", text)
  sub("\"$", "", text)
  gsub("&lt;", "<", text); gsub("&gt;", ">", text); gsub("&quot;", "\"", text); gsub("&amp;", "\\&", text)
  return text
}

FNR == 1 {
  module = FILENAME
  sub("/target/surefire-reports/.*", "", module)
  if (!(module in tests)) order[++modules] = module
  inside = 0
}

/^testsuite[ \t\n]/ && !inside {
  inside = 1
  tests[module] += attribute("tests")
  failed[module] += attribute("failures") + attribute("errors")
  skipped[module] += attribute("skipped")
  time[module] += attribute("time")
}

/^testcase[ \t\n]/ { test = attribute("classname") "." attribute("name") }
/^skipped[ \t\n\/>]/ { why = attribute("message"); skips[++nskips] = test (why == "" ? "" : ": " why) }
/^(failure|error)[ \t\n\/>]/ && !(test in seen) { seen[test] = 1; failures[++nfailures] = test }

END {
  printf "%-22s %7s %7s %7s %8s\n", "module", "tests", "failed", "skipped", "seconds"
  for (i = 1; i <= modules; i++) {
    m = order[i]
    printf "%-22s %7d %7d %7d %8.1f\n", m, tests[m], failed[m], skipped[m], time[m]
    all += tests[m]; bad += failed[m]; none += skipped[m]
  }
  for (i = 1; i <= nskips; i++) printf "skipped: %s\n", skips[i]
  for (i = 1; i <= nfailures; i++) printf "failed: %s\n", failures[i]
  printf "%d passed, %d failed, %d skipped\n", all - bad - none, bad, none
}
