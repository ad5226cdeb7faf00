package dev.dstack.db.views;

import static dev.dstack.db.jooq.generated.views.Tables.BACKEND_OFFER;

import dev.dstack.db.Database;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import java.util.List;

/** What a project's backends could provide when they were last asked. */
public final class OfferReader {
  private final Database database;

  public OfferReader(Database database) {
    this.database = database;
  }

  public List<OfferRow> offers(ProjectId project) {
    return database.read(
        dsl ->
            dsl.selectFrom(BACKEND_OFFER)
                .where(BACKEND_OFFER.PROJECT_ID.eq(project.value()))
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
