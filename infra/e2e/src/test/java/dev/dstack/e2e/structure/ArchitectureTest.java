package dev.dstack.e2e.structure;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may import whom. The graph of docs/architecture.md, and nothing that is not in it. */
final class ArchitectureTest {
  private static final String ROOT = "dev.dstack.";

  /** Each module's packages and the modules it may use. The composition root may use all. */
  private static final Map<String, Set<String>> GRAPH = graph();

  private static JavaClasses product;

  private static Map<String, Set<String>> graph() {
    Map<String, Set<String>> graph = new TreeMap<>();
    graph.put("model", Set.of());
    graph.put("embedded", Set.of());
    graph.put("db", Set.of("model"));
    // The local backend looks at this machine with the agent's eyes.
    graph.put("backends", Set.of("agent", "model"));
    graph.put("workflows", Set.of("model"));
    graph.put("activities", Set.of("workflows", "backends", "db", "model"));
    graph.put("api", Set.of("workflows", "db", "model"));
    graph.put("agent", Set.of("model"));
    graph.put("cli", Set.of("model"));
    graph.put(
        "server", Set.of("activities", "api", "backends", "db", "embedded", "model", "workflows"));
    return graph;
  }

  @BeforeAll
  static void load() {
    product =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .withImportOption(location -> !location.contains("/e2e/"))
            // Contracts for the tests of backends; no server has them.
            .withImportOption(location -> !location.contains("/testkit/"))
            .importPackages("dev.dstack");
    assertThat(product).as("classes of the product on the test class path").hasSizeGreaterThan(200);
  }

  static Stream<String> modules() {
    return GRAPH.keySet().stream();
  }

  @ParameterizedTest(name = "{0}")
  @org.junit.jupiter.params.provider.MethodSource("modules")
  void usesOnlyTheModulesItMay(String module) {
    Set<String> allowed = new TreeSet<>(GRAPH.get(module));
    allowed.add(module);
    ArchRule rule =
        noClasses()
            .that()
            .resideInAPackage(ROOT + module + "..")
            .should()
            .dependOnClassesThat(
                describe(
                    "are in a module other than " + allowed,
                    type ->
                        type.getPackageName().startsWith(ROOT)
                            && !allowed.contains(moduleOf(type.getPackageName()))));
    rule.allowEmptyShould(false).check(product);
  }

  @Test
  void everyPackageBelongsToAModule() {
    assertThat(product.stream().map(JavaClass::getPackageName).filter(name -> !isOurs(name)))
        .isEmpty();
  }

  @Test
  void aProviderKnowsOnlyTheInterfacesOfBackends() {
    slices()
        .matching("dev.dstack.backends.(*)..")
        .should()
        .notDependOnEachOther()
        .allowEmptyShould(true)
        .check(product);
    noClasses()
        .that()
        .resideInAPackage("dev.dstack.backends")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.dstack.backends.*..")
        .check(product);
  }

  @Test
  void onlyTheLocalBackendKnowsTheAgentItself() {
    noClasses()
        .that()
        .resideInAPackage("dev.dstack.backends..")
        .and()
        .resideOutsideOfPackage("dev.dstack.backends.local..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.dstack.agent..")
        .check(product);
  }

  @Test
  void activitiesReachProvidersThroughTheInterfacesOnly() {
    noClasses()
        .that()
        .resideInAPackage("dev.dstack.activities..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.dstack.backends.*..")
        .check(product);
  }

  @Test
  void workflowsKnowOnlyTemporalAndTheModel() {
    noClasses()
        .that()
        .resideInAPackage("dev.dstack.workflows..")
        .should()
        .dependOnClassesThat()
        .resideOutsideOfPackages(
            "java..",
            "dev.dstack.workflows..",
            "dev.dstack.model..",
            "io.temporal..",
            "com.fasterxml.jackson.annotation..",
            "tools.jackson..",
            "com.uber.m3..",
            "org.jspecify..",
            "org.slf4j..")
        .check(product);
  }

  @Test
  void workflowCodeIsDeterministic() {
    noClasses()
        .that()
        .resideInAPackage("dev.dstack.workflows..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "java.io..",
            "java.net..",
            "java.nio.file..",
            "java.nio.channels..",
            "java.sql..",
            "java.util.concurrent.locks..",
            "java.security..")
        .orShould()
        .dependOnClassesThat(
            named(
                "java.lang.Thread",
                "java.lang.ThreadLocal",
                "java.lang.ProcessBuilder",
                "java.lang.ProcessHandle",
                "java.util.Random",
                "java.util.Timer",
                "java.util.concurrent.ThreadLocalRandom",
                "java.util.concurrent.CompletableFuture",
                "java.util.concurrent.Executors",
                "java.util.concurrent.ExecutorService"))
        .orShould()
        .callMethod("java.time.Instant", "now")
        .orShould()
        .callMethod("java.time.LocalDateTime", "now")
        .orShould()
        .callMethod("java.time.ZonedDateTime", "now")
        .orShould()
        .callMethod("java.time.OffsetDateTime", "now")
        .orShould()
        .callMethod("java.time.LocalDate", "now")
        .orShould()
        .callMethod("java.time.Clock", "systemUTC")
        .orShould()
        .callMethod("java.lang.System", "currentTimeMillis")
        .orShould()
        .callMethod("java.lang.System", "nanoTime")
        .orShould()
        .callMethod("java.lang.System", "getenv")
        .orShould()
        .callMethod("java.lang.Math", "random")
        .orShould()
        .callMethod("java.util.UUID", "randomUUID")
        .check(product);
  }

  @Test
  void implementationsOfWorkflowsAreForRegistrationOnly() {
    noClasses()
        .that(
            describe(
                "are outside the workflow packages and the registration of workers",
                type ->
                    isOurs(type.getPackageName())
                        && !type.getPackageName().startsWith("dev.dstack.workflows")
                        && !type.getPackageName().startsWith("dev.dstack.activities.worker")))
        .should()
        .dependOnClassesThat(
            describe(
                "implement a workflow",
                type ->
                    type.getPackageName().startsWith("dev.dstack.workflows")
                        && type.getSimpleName().endsWith("WorkflowImpl")))
        .check(product);
  }

  @Test
  void onlyTheDatabaseModuleKnowsJooq() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.dstack.db..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.jooq..", "org.flywaydb..")
        .check(product);
  }

  @Test
  void springStandsInTheHttpPartAndTheCompositionOnly() {
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "dev.dstack.api..", "dev.dstack.server..", "dev.dstack.activities.worker..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.springframework..")
        .check(product);
  }

  @Test
  void theApiStartsNoWorkerAndTalksToNoProvider() {
    noClasses()
        .that()
        .resideInAPackage("dev.dstack.api..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.temporal.worker..", "dev.dstack.activities..", "dev.dstack.backends..")
        .check(product);
  }

  @Test
  void theModelDoesNoInputOrOutput() {
    noClasses()
        .that()
        .resideInAPackage("dev.dstack.model..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "java.net.http..", "java.nio.file..", "java.sql..", "io.temporal..", "org.slf4j..")
        .orShould()
        .callMethod("java.time.Instant", "now")
        .orShould()
        .callMethod("java.util.UUID", "randomUUID")
        .check(product);
  }

  @ParameterizedTest(name = "{0}")
  @ValueSource(strings = {"activities", "agent", "api", "backends", "cli", "db", "embedded"})
  void featurePackagesHaveNoCycles(String module) {
    slices()
        .matching(ROOT + module + ".(*)..")
        .should()
        .beFreeOfCycles()
        .allowEmptyShould(true)
        .check(product);
  }

  /** Workflows converse, so they know each other's messages; how another decides is its own. */
  @Test
  void workflowsKnowOfEachOtherOnlyInterfacesAndMessages() {
    for (String feature : List.of("fleet", "instance", "job", "run")) {
      noClasses()
          .that()
          .resideInAPackage("dev.dstack.workflows." + feature + "..")
          .should()
          .dependOnClassesThat(
              describe(
                  "decide or implement another workflow",
                  type ->
                      type.getPackageName().startsWith("dev.dstack.workflows.")
                          && !type.getPackageName().equals("dev.dstack.workflows." + feature)
                          && type.getSimpleName().matches(".*(WorkflowImpl|Decider)")))
          .check(product);
    }
  }

  @Test
  void modelPackagesHaveNoCycles() {
    slices().matching("dev.dstack.model.(*)..").should().beFreeOfCycles().check(product);
  }

  @Test
  void everyPackageSaysWhatItIsAndIsNullMarked() {
    Set<String> without = new TreeSet<>();
    for (JavaPackage found : packages()) {
      if (!found.getClasses().isEmpty()
          && found.getRelativeName() != null
          && !found.getName().contains(".jooq")
          && found.tryGetPackageInfo().stream()
              .noneMatch(info -> info.isAnnotatedWith(NullMarked.class))) {
        without.add(found.getName());
      }
    }
    assertThat(without).as("packages without @NullMarked in package-info.java").isEmpty();
  }

  @Test
  void noCodeIsMadeByLombokAndNothingIsMocked() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("lombok..", "org.mockito..", "org.easymock..", "org.powermock..")
        .check(product);
  }

  @Test
  void noThreadSleeps() {
    // Waiting is on a condition with a deadline; the few loops that poll a process say so there.
    noClasses()
        .that()
        .resideInAnyPackage("dev.dstack.workflows..", "dev.dstack.api..", "dev.dstack.activities..")
        .should()
        .callMethod("java.lang.Thread", "sleep", "long")
        .orShould()
        .callMethod("java.lang.Thread", "sleep", "java.time.Duration")
        .check(product);
  }

  @Test
  void jacksonIsTheOnlyJsonAndOfOneGeneration() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "com.fasterxml.jackson.databind..", "com.google.gson..", "org.json..", "jakarta.json..")
        .check(product);
  }

  @Test
  void recordsHoldTypedIds() {
    // A run's id where a job's is wanted must not compile. The wire types are upstream's shapes.
    classes()
        .that()
        .resideInAnyPackage("dev.dstack.workflows..")
        .and(describe("are records", JavaClass::isRecord))
        .should(HaveTypedIds.rule())
        .check(product);
  }

  private static List<JavaPackage> packages() {
    List<JavaPackage> found = new ArrayList<>();
    product.getPackage("dev.dstack").getSubpackagesInTree().forEach(found::add);
    return found;
  }

  private static String moduleOf(String packageName) {
    String rest = packageName.substring(ROOT.length());
    int dot = rest.indexOf('.');
    return dot < 0 ? rest : rest.substring(0, dot);
  }

  private static boolean isOurs(String packageName) {
    return packageName.startsWith(ROOT) && GRAPH.containsKey(moduleOf(packageName));
  }

  private static DescribedPredicate<JavaClass> named(String... names) {
    Set<String> wanted = Set.of(names);
    return describe("are one of " + wanted, type -> wanted.contains(type.getName()));
  }
}
