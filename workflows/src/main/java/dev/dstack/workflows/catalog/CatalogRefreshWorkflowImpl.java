package dev.dstack.workflows.catalog;

import dev.dstack.workflows.support.Failures;
import dev.dstack.workflows.support.Options;
import dev.dstack.workflows.support.Options.Call;
import io.temporal.failure.ActivityFailure;
import io.temporal.workflow.Workflow;

/** Old prices are better than none: a list that can't be read is told, and changes nothing. */
public final class CatalogRefreshWorkflowImpl implements CatalogRefreshWorkflow {
  @Override
  public CatalogNews refresh(String provider) {
    CatalogActivities catalog =
        Workflow.newActivityStub(
            CatalogActivities.class, Options.of(Call.PRICE_LIST, "price list of " + provider));
    try {
      return catalog.refreshCatalog(provider);
    } catch (ActivityFailure e) {
      return new CatalogNews(provider, CatalogNews.Outcome.FAILED, Failures.message(e), 0);
    }
  }
}
