package dev.dstack.api.page;

import dev.dstack.api.page.FrontPage.Part;
import dev.dstack.db.records.UserStore;
import io.temporal.api.workflowservice.v1.GetSystemInfoRequest;
import io.temporal.client.WorkflowClient;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Asks the parts of the server whether they are there. */
public final class Parts {
  private final UserStore users;
  private final WorkflowClient client;

  public Parts(UserStore users, WorkflowClient client) {
    this.users = users;
    this.client = client;
  }

  public List<Part> all() {
    return List.of(new Part("API", true, ""), database(), temporal());
  }

  private Part database() {
    try {
      users.byName(UserStore.ADMIN);
      return new Part("PostgreSQL", true, "");
    } catch (RuntimeException e) { // Whatever it is, the page tells of it.
      return new Part("PostgreSQL", false, "requests are refused until it is back");
    }
  }

  private Part temporal() {
    try {
      client
          .getWorkflowServiceStubs()
          .blockingStub()
          .withDeadlineAfter(1, TimeUnit.SECONDS)
          .getSystemInfo(GetSystemInfoRequest.getDefaultInstance());
      return new Part("Temporal", true, "");
    } catch (RuntimeException e) { // As above.
      return new Part(
          "Temporal", false, "runs are accepted and wait; nothing starts until it is back");
    }
  }
}
