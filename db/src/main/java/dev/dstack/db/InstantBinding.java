package dev.dstack.db;

import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import org.jooq.Binding;
import org.jooq.BindingGetResultSetContext;
import org.jooq.BindingGetSQLInputContext;
import org.jooq.BindingGetStatementContext;
import org.jooq.BindingRegisterContext;
import org.jooq.BindingSQLContext;
import org.jooq.BindingSetSQLOutputContext;
import org.jooq.BindingSetStatementContext;
import org.jooq.Converter;
import org.jooq.impl.SQLDataType;
import org.jspecify.annotations.Nullable;

/**
 * Points in time as the driver has them. jOOQ's own binding, which does everything else here, asks
 * for a text and parses that, which was a tenth of the work of showing a page of runs.
 */
public final class InstantBinding implements Binding<OffsetDateTime, Instant> {
  private static final long serialVersionUID = 1;
  private static final Converter<OffsetDateTime, Instant> CONVERTER =
      Converter.ofNullable(
          OffsetDateTime.class,
          Instant.class,
          OffsetDateTime::toInstant,
          instant -> instant.atOffset(ZoneOffset.UTC));
  private static final Binding<?, Instant> JOOQ = SQLDataType.INSTANT.getBinding();

  @Override
  public Converter<OffsetDateTime, Instant> converter() {
    return CONVERTER;
  }

  @Override
  public void get(BindingGetResultSetContext<Instant> context) throws SQLException {
    @Nullable OffsetDateTime time =
        context.resultSet().getObject(context.index(), OffsetDateTime.class);
    context.value(time == null ? null : time.toInstant());
  }

  @Override
  public void sql(BindingSQLContext<Instant> context) throws SQLException {
    JOOQ.sql(context);
  }

  @Override
  public void register(BindingRegisterContext<Instant> context) throws SQLException {
    JOOQ.register(context);
  }

  @Override
  public void set(BindingSetStatementContext<Instant> context) throws SQLException {
    JOOQ.set(context);
  }

  @Override
  public void set(BindingSetSQLOutputContext<Instant> context) throws SQLException {
    JOOQ.set(context);
  }

  @Override
  public void get(BindingGetStatementContext<Instant> context) throws SQLException {
    JOOQ.get(context);
  }

  @Override
  public void get(BindingGetSQLInputContext<Instant> context) throws SQLException {
    JOOQ.get(context);
  }
}
