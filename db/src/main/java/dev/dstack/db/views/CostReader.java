package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.records.Tables.RUN_SUBMISSION;
import static dev.dstack.db.jooq.generated.records.Tables.VOLUME;
import static dev.dstack.db.jooq.generated.views.Tables.INSTANCE_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.JOB_VIEW;
import static dev.dstack.db.jooq.generated.views.Tables.MACHINE_CHARGE;
import static dev.dstack.db.jooq.generated.views.Tables.VOLUME_VIEW;

import dev.dstack.db.Database;
import dev.dstack.model.ids.ProjectId;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Table;
import org.jooq.impl.DSL;

/**
 * What a project's capacity costs, summed by the database. Instances and volumes are what is paid
 * for; runs share the cost of their instances, each for its part and its time, so they sum up to no
 * more than that.
 */
public final class CostReader {
  /** Prices of volumes are for a month. */
  public static final double HOURS_A_MONTH = 730;

  private static final Field<Instant> STILL = DSL.inline((Instant) null, Instant.class);

  private final Database database;

  public CostReader(Database database) {
    this.database = database;
  }

  /** From the first moment up to the second, which is not in the future. */
  public record Period(Instant since, Instant until) {
    public Period {
      if (until.isBefore(since)) {
        throw new IllegalArgumentException("a period can't end before it starts");
      }
    }
  }

  /** Every machine from when it was made until its provider had ended it. */
  public Charges instances(ProjectId project, Period period, int limit) {
    return read(
        new Source(
            MACHINE_CHARGE
                .leftJoin(INSTANCE_VIEW)
                .on(INSTANCE_VIEW.ID.eq(MACHINE_CHARGE.INSTANCE_ID)),
            MACHINE_CHARGE.PROJECT_ID.eq(project.value()),
            MACHINE_CHARGE.INSTANCE_ID,
            DSL.coalesce(INSTANCE_VIEW.NAME, DSL.inline("")),
            MACHINE_CHARGE.BACKEND,
            MACHINE_CHARGE.PRICE,
            MACHINE_CHARGE.CREATED_AT,
            // A machine that a person declared gone was never ended by us.
            DSL.coalesce(MACHINE_CHARGE.TERMINATED_AT, INSTANCE_VIEW.FINISHED_AT)),
        period,
        limit);
  }

  /** Those that were made here; one that was only registered is somebody else's bill. */
  public Charges volumes(ProjectId project, Period period, int limit) {
    return read(
        new Source(
            VOLUME.join(VOLUME_VIEW).on(VOLUME_VIEW.ID.eq(VOLUME.ID)),
            VOLUME
                .PROJECT_ID
                .eq(project.value())
                .and(DSL.jsonbGetAttributeAsText(VOLUME.CONFIGURATION, "volume_id").isNull()),
            VOLUME.ID,
            VOLUME.NAME,
            DSL.inline((String) null, String.class),
            VOLUME_VIEW.PRICE.div(DSL.inline(HOURS_A_MONTH)),
            VOLUME.CREATED_AT,
            VOLUME.DELETED_AT),
        period,
        limit);
  }

  /** Every job from when it got its place until it had ended, for its part of the instance. */
  public Charges runs(ProjectId project, Period period, int limit) {
    return read(
        new Source(
            JOB_VIEW.join(RUN_SUBMISSION).on(RUN_SUBMISSION.ID.eq(JOB_VIEW.RUN_ID)),
            JOB_VIEW.PROJECT_ID.eq(project.value()),
            JOB_VIEW.RUN_ID,
            RUN_SUBMISSION.RUN_NAME,
            DSL.inline((String) null, String.class),
            JOB_VIEW.PRICE,
            JOB_VIEW.PLACED_AT,
            JOB_VIEW.FINISHED_AT),
        period,
        limit);
  }

  /** All that a run has cost so far; to be used in a query that knows the run. */
  static Field<Double> ofRun(Field<UUID> run) {
    return DSL.field(
        DSL.select(
                DSL.coalesce(
                        DSL.sum(
                            JOB_VIEW.PRICE.times(
                                hours(
                                    JOB_VIEW.PLACED_AT,
                                    DSL.coalesce(JOB_VIEW.FINISHED_AT, DSL.currentInstant())))),
                        DSL.inline(0.0))
                    .cast(Double.class))
            .from(JOB_VIEW)
            .where(JOB_VIEW.RUN_ID.eq(run)));
  }

  /**
   * Where something is paid for.
   *
   * @param price dollars an hour
   * @param until null: still
   */
  private record Source(
      Table<?> table,
      Condition condition,
      Field<UUID> id,
      Field<String> name,
      Field<String> backend,
      Field<Double> price,
      Field<Instant> since,
      Field<Instant> until) {}

  private Charges read(Source source, Period period, int limit) {
    return database.read(dsl -> charges(dsl, source, period, limit));
  }

  private static Charges charges(DSLContext dsl, Source source, Period period, int limit) {
    Field<Instant> from = DSL.val(period.since());
    Field<Instant> to = DSL.val(period.until());
    // An end that is null is none: the least of it and another is the other.
    Field<Double> hours = hours(DSL.greatest(source.since(), from), DSL.least(source.until(), to));
    Field<Double> dollars = DSL.sum(source.price().times(hours)).cast(Double.class).as("dollars");
    Field<Double> allHours = DSL.sum(hours).cast(Double.class).as("hours");
    Field<Instant> first = DSL.min(source.since()).as("since");
    Field<Instant> last =
        DSL.when(DSL.condition(DSL.boolOr(source.until().isNull())), STILL)
            .otherwise(DSL.max(source.until()))
            .as("until");
    Field<UUID> id = source.id().as("id");
    Field<String> name = DSL.min(source.name()).as("name");
    Field<String> backend = DSL.min(source.backend()).as("backend");
    Table<?> one =
        dsl.select(id, name, backend, allHours, dollars, first, last)
            .from(source.table())
            .where(
                source.condition(),
                source.price().gt(DSL.inline(0.0)),
                source.since().lt(to),
                source.until().isNull().or(source.until().gt(from)))
            .groupBy(source.id())
            .asTable("one");
    Field<Double> total = DSL.sum(one.field(dollars)).over().cast(Double.class).as("total");
    Field<Integer> all = DSL.count().over().as("number");
    var rows =
        dsl.select(one.fields())
            .select(total, all)
            .from(one)
            .orderBy(dollars.desc(), id)
            .limit(DSL.inline(limit))
            .fetch();
    if (rows.isEmpty()) {
      return new Charges(0, 0, List.of());
    }
    Record some = rows.getFirst();
    return new Charges(
        some.get(total),
        some.get(all),
        rows.map(
            row ->
                new Charge(
                    row.get(id),
                    row.get(name),
                    row.get(backend),
                    row.get(allHours),
                    row.get(dollars),
                    row.get(first),
                    row.get(last))));
  }

  /** Never less than none: the clocks of two machines are never quite the same. */
  private static Field<Double> hours(Field<Instant> since, Field<Instant> until) {
    return DSL.field(
        "greatest(extract(epoch from {0} - {1})::double precision, 0) / 3600",
        Double.class, until, since);
  }
}
