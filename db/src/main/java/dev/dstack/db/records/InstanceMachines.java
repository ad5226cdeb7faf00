package dev.dstack.db.records;

import static dev.dstack.db.jooq.generated.records.Tables.INSTANCE_MACHINE;

import dev.dstack.db.Clean;
import dev.dstack.db.Database;
import dev.dstack.db.crypto.Encryption;
import dev.dstack.model.ids.InstanceId;
import dev.dstack.model.ids.ProjectId;
import dev.dstack.model.offer.BackendType;
import java.net.URI;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import org.jooq.Record;

/** How any worker reaches the host of an instance. Only workers see this table. */
public final class InstanceMachines {
  private final Database database;
  private final Encryption encryption;
  private final InstantSource clock;

  public InstanceMachines(Database database, Encryption encryption, InstantSource clock) {
    this.database = database;
    this.encryption = encryption;
    this.clock = clock;
  }

  public void save(InstanceMachine machine) {
    Instant now = Clean.instant(clock.instant());
    String token = machine.agentToken();
    URI uri = machine.agentUri();
    String access = machine.accessJson() == null ? null : encryption.encrypt(machine.accessJson());
    database.transaction(
        dsl ->
            dsl.insertInto(INSTANCE_MACHINE)
                .set(INSTANCE_MACHINE.INSTANCE_ID, machine.instance().value())
                .set(INSTANCE_MACHINE.ATTEMPT, machine.attempt())
                .set(INSTANCE_MACHINE.PROJECT_ID, machine.project().value())
                .set(INSTANCE_MACHINE.BACKEND, machine.backend().name())
                .set(INSTANCE_MACHINE.PROVIDER_ID, Clean.text(machine.providerId()))
                .set(INSTANCE_MACHINE.HOSTNAME, Clean.textOrNull(machine.hostname()))
                .set(INSTANCE_MACHINE.AGENT_URI, uri == null ? null : uri.toString())
                .set(
                    INSTANCE_MACHINE.AGENT_TOKEN_ENCRYPTED,
                    token == null ? null : encryption.encrypt(token))
                .set(INSTANCE_MACHINE.OFFER, Clean.json(machine.offerJson()))
                .set(INSTANCE_MACHINE.ACCESS_ENCRYPTED, access)
                .set(INSTANCE_MACHINE.TOUCHED, machine.touched())
                .set(INSTANCE_MACHINE.CREATED_AT, now)
                .set(INSTANCE_MACHINE.UPDATED_AT, now)
                .onConflict(INSTANCE_MACHINE.INSTANCE_ID, INSTANCE_MACHINE.ATTEMPT)
                .doUpdate()
                .set(INSTANCE_MACHINE.PROVIDER_ID, Clean.text(machine.providerId()))
                .set(INSTANCE_MACHINE.HOSTNAME, Clean.textOrNull(machine.hostname()))
                .set(INSTANCE_MACHINE.AGENT_URI, uri == null ? null : uri.toString())
                .set(
                    INSTANCE_MACHINE.AGENT_TOKEN_ENCRYPTED,
                    token == null ? null : encryption.encrypt(token))
                .set(INSTANCE_MACHINE.OFFER, Clean.json(machine.offerJson()))
                .set(INSTANCE_MACHINE.ACCESS_ENCRYPTED, access)
                .set(INSTANCE_MACHINE.TOUCHED, machine.touched())
                .set(INSTANCE_MACHINE.UPDATED_AT, now)
                .setNull(INSTANCE_MACHINE.TERMINATED_AT)
                .execute());
  }

  /**
   * From now on something of ours may be on the machine.
   *
   * @return false: it has been terminated, or never was
   */
  public boolean touch(InstanceId instance, int attempt) {
    return database.inTransaction(
        dsl ->
            dsl.update(INSTANCE_MACHINE)
                    .set(INSTANCE_MACHINE.TOUCHED, true)
                    .set(INSTANCE_MACHINE.UPDATED_AT, Clean.instant(clock.instant()))
                    .where(
                        INSTANCE_MACHINE.INSTANCE_ID.eq(instance.value()),
                        INSTANCE_MACHINE.ATTEMPT.eq(attempt),
                        INSTANCE_MACHINE.TERMINATED_AT.isNull())
                    .execute()
                == 1);
  }

  /** The machine of the latest attempt that has not been terminated. */
  public Optional<InstanceMachine> current(InstanceId instance) {
    return database.read(
        dsl ->
            dsl.selectFrom(INSTANCE_MACHINE)
                .where(
                    INSTANCE_MACHINE.INSTANCE_ID.eq(instance.value()),
                    INSTANCE_MACHINE.TERMINATED_AT.isNull())
                .orderBy(INSTANCE_MACHINE.ATTEMPT.desc())
                .limit(1)
                .fetchOptional(this::machine));
  }

  /** Nobody is to talk to it any more; unknown is success. */
  public void terminated(InstanceId instance, int attempt) {
    database.transaction(
        dsl ->
            dsl.update(INSTANCE_MACHINE)
                .set(INSTANCE_MACHINE.TERMINATED_AT, Clean.instant(clock.instant()))
                .setNull(INSTANCE_MACHINE.AGENT_TOKEN_ENCRYPTED)
                .setNull(INSTANCE_MACHINE.ACCESS_ENCRYPTED)
                .where(
                    INSTANCE_MACHINE.INSTANCE_ID.eq(instance.value()),
                    INSTANCE_MACHINE.ATTEMPT.eq(attempt),
                    INSTANCE_MACHINE.TERMINATED_AT.isNull())
                .execute());
  }

  private InstanceMachine machine(Record row) {
    String uri = row.get(INSTANCE_MACHINE.AGENT_URI);
    String token = row.get(INSTANCE_MACHINE.AGENT_TOKEN_ENCRYPTED);
    String access = row.get(INSTANCE_MACHINE.ACCESS_ENCRYPTED);
    return new InstanceMachine(
        new InstanceId(row.get(INSTANCE_MACHINE.INSTANCE_ID)),
        row.get(INSTANCE_MACHINE.ATTEMPT),
        new ProjectId(row.get(INSTANCE_MACHINE.PROJECT_ID)),
        new BackendType(row.get(INSTANCE_MACHINE.BACKEND)),
        row.get(INSTANCE_MACHINE.PROVIDER_ID),
        row.get(INSTANCE_MACHINE.HOSTNAME),
        uri == null ? null : URI.create(uri),
        token == null ? null : encryption.decrypt(token),
        row.get(INSTANCE_MACHINE.OFFER).data(),
        access == null ? null : encryption.decrypt(access),
        row.get(INSTANCE_MACHINE.TOUCHED));
  }
}
