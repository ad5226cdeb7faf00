package dev.dstack.db.crypto;

import dev.dstack.db.Database;
import dev.dstack.db.jooq.generated.records.Records;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Result;
import org.jooq.Table;
import org.jooq.TableField;
import org.jooq.impl.DSL;
import org.jooq.impl.SQLDataType;

/**
 * Writes every encrypted column again with the first key, so that the old one may be removed from
 * config.yml. May run beside a working server, be interrupted and repeated: each value is replaced
 * only if it is still the one that was read.
 */
public final class KeyRotation {
  private static final int BATCH = 500;

  private KeyRotation() {}

  /**
   * @param owner a pool of role OWNER: no other may write all of these columns
   * @return how many values were written again
   */
  public static int run(Database owner, Encryption encryption) {
    int count = 0;
    for (Table<?> table : Records.RECORDS.getTables()) {
      for (Field<?> field : table.fields()) {
        if (field.getName().endsWith("_encrypted")) {
          count += rotate(owner, encryption, table, field.coerce(SQLDataType.CLOB));
        }
      }
    }
    return count;
  }

  private static int rotate(
      Database owner, Encryption encryption, Table<?> table, Field<String> column) {
    // encrypt() of nothing tells the prefix that current values have.
    String[] current = encryption.encrypt("").split(":", 4);
    String prefix = current[0] + ":" + current[1] + ":" + current[2] + ":";
    int count = 0;
    while (true) {
      Result<? extends Record> rows =
          owner
              .dsl()
              .selectFrom(table)
              .where(column.isNotNull(), column.startsWith(prefix).not())
              .limit(BATCH)
              .fetch();
      for (Record row : rows) {
        String old = row.get(column);
        count +=
            owner
                .dsl()
                .update(table)
                .set(column, encryption.encrypt(encryption.decrypt(old)))
                .where(primaryKey(table, row), column.eq(old))
                .execute();
      }
      if (rows.size() < BATCH) {
        return count;
      }
    }
  }

  private static Condition primaryKey(Table<?> table, Record row) {
    List<Condition> parts = new ArrayList<>();
    for (TableField<?, ?> field : Objects.requireNonNull(table.getPrimaryKey()).getFields()) {
      parts.add(equal(field, row));
    }
    return DSL.and(parts);
  }

  private static <T> Condition equal(Field<T> field, Record row) {
    return field.eq(row.get(field));
  }
}
