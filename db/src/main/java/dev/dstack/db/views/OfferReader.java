package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.views.Tables.BACKEND_OFFER;

import dev.dstack.db.Database;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import java.util.List;
import java.util.Optional;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.impl.DSL;

/** What a project's backends could provide when they were last asked. */
public final class OfferReader {
  /** PostgreSQL's own mark of the transaction that wrote the row, and where it put it. */
  private static final Field<String> VERSION =
      DSL.field("{0}.xmin::text || {0}.ctid::text", String.class, BACKEND_OFFER);

  private final Database database;

  public OfferReader(Database database) {
    this.database = database;
  }

  /**
   * That a backend has offers, without them: there may be megabytes of them.
   *
   * @param version another one each time they are written
   */
  public record Head(BackendType backend, String version) {}

  public List<OfferRow> offers(ProjectId project) {
    return offers(project, DSL.noCondition());
  }

  public Optional<OfferRow> offers(ProjectId project, BackendType backend) {
    return offers(project, BACKEND_OFFER.BACKEND.eq(backend.name())).stream().findFirst();
  }

  public List<Head> heads(ProjectId project) {
    return database.read(
        dsl ->
            dsl.select(BACKEND_OFFER.BACKEND, VERSION)
                .from(BACKEND_OFFER)
                .where(BACKEND_OFFER.PROJECT_ID.eq(project.value()))
                .orderBy(BACKEND_OFFER.BACKEND)
                .fetch(row -> new Head(new BackendType(row.value1()), row.value2())));
  }

  private List<OfferRow> offers(ProjectId project, Condition which) {
    return database.read(
        dsl ->
            dsl.selectFrom(BACKEND_OFFER)
                .where(BACKEND_OFFER.PROJECT_ID.eq(project.value()), which)
                .orderBy(BACKEND_OFFER.BACKEND)
                .fetch(
                    row ->
                        new OfferRow(
                            project,
                            new BackendType(row.getBackend()),
                            row.getOffers().data(),
                            row.getError(),
                            row.getAt())));
  }
}
