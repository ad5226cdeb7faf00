package dev.dstack.db;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jooq.codegen.GenerationTool;
import org.jooq.meta.jaxb.Configuration;
import org.jooq.meta.jaxb.Database;
import org.jooq.meta.jaxb.ForcedType;
import org.jooq.meta.jaxb.Generate;
import org.jooq.meta.jaxb.Generator;
import org.jooq.meta.jaxb.Jdbc;
import org.jooq.meta.jaxb.Logging;
import org.jooq.meta.jaxb.SchemaMappingType;
import org.jooq.meta.jaxb.Target;

/** Writes the jOOQ classes of a migrated database. */
final class JooqCode {
  static final String PACKAGE = "dev.dstack.db.jooq.generated";

  private JooqCode() {}

  static void generate(DatabaseUrl url, Path directory) throws Exception {
    GenerationTool.generate(
        new Configuration()
            .withLogging(Logging.WARN)
            .withJdbc(
                new Jdbc()
                    .withDriver("org.postgresql.Driver")
                    .withUrl(url.jdbcUrl())
                    .withUser(url.user())
                    .withPassword(url.password()))
            .withGenerator(
                new Generator()
                    .withDatabase(
                        new Database()
                            .withSchemata(
                                new SchemaMappingType().withInputSchema("records"),
                                new SchemaMappingType().withInputSchema("views"))
                            .withIncludes(".*")
                            .withForcedTypes(
                                new ForcedType()
                                    .withUserType("java.time.Instant")
                                    .withBinding("dev.dstack.db.InstantBinding")
                                    .withIncludeTypes(
                                        "(?i:TIMESTAMP\\ WITH\\ TIME\\ ZONE|timestamptz)"))
                            .withIncludeRoutines(false)
                            .withIncludeSequences(false))
                    .withGenerate(
                        new Generate()
                            .withRecords(true)
                            .withPojos(false)
                            .withDaos(false)
                            .withComments(false)
                            .withGeneratedAnnotation(true)
                            .withGeneratedAnnotationDate(false)
                            .withKeys(true)
                            .withIndexes(false)
                            .withImplicitJoinPathsToOne(false)
                            .withImplicitJoinPathsToMany(false)
                            .withImplicitJoinPathsManyToMany(false)
                            .withImplicitJoinPathTableSubtypes(false)
                            .withJavadoc(false))
                    .withTarget(
                        new Target()
                            .withPackageName(PACKAGE)
                            .withDirectory(directory.toString())
                            .withEncoding("UTF-8")
                            .withClean(true))));
    packageInfo(
        directory,
        "",
        "The database as Java: written by jOOQ, never by hand; see GeneratedCodeTest.");
    for (String schema : new String[] {"records", "views"}) {
      packageInfo(directory, "." + schema, "Schema " + schema + ".");
      packageInfo(directory, "." + schema + ".tables", "Tables of schema " + schema + ".");
      packageInfo(directory, "." + schema + ".tables.records", "Rows of schema " + schema + ".");
    }
  }

  /** jOOQ knows nothing of nullness, so these packages stay unmarked. */
  private static void packageInfo(Path directory, String suffix, String what) throws IOException {
    String name = PACKAGE + suffix;
    Files.writeString(
        directory.resolve(name.replace('.', '/')).resolve("package-info.java"),
        """
        /** %s */
        @NullUnmarked
        package %s;

        import org.jspecify.annotations.NullUnmarked;
        """
            .formatted(what, name),
        StandardCharsets.UTF_8);
  }
}
