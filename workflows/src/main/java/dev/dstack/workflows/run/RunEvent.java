package dev.dstack.workflows.run;

import dev.dstack.model.ids.JobId;
import dev.dstack.workflows.fleet.FleetAnswer;
import dev.dstack.workflows.fleet.FleetRef;
import dev.dstack.workflows.job.JobReport;
import java.time.Instant;

/** What can happen to a run. */
sealed interface RunEvent {
  record Begin() implements RunEvent {}

  record Answered(FleetAnswer answer) implements RunEvent {}

  /** The fleet that was asked does not exist. */
  record NoSuchFleet(String requestId, FleetRef fleet) implements RunEvent {}

  record Reported(JobReport report) implements RunEvent {}

  /** The workflow of a job has ended; its last report, if it made one, came before. */
  record JobClosed(JobId job) implements RunEvent {}

  record StopAsked(RunStop stop) implements RunEvent {}

  record Updated(RunUpdate update) implements RunEvent {}

  record Tick(Instant at) implements RunEvent {}
}
