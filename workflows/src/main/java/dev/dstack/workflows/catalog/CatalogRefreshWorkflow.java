package dev.dstack.workflows.catalog;

import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/** One refresh of one provider's prices; the next is a new workflow of the same schedule. */
@WorkflowInterface
public interface CatalogRefreshWorkflow {
  @WorkflowMethod(name = "CatalogRefresh")
  CatalogNews refresh(String provider);
}
