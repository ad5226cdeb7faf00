package dev.dstack.e2e.structure;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.Locale;
import java.util.Set;

/** No field named {@code …Id} is a bare UUID or text. */
final class HaveTypedIds extends ArchCondition<JavaClass> {
  private static final Set<String> BARE = Set.of("java.util.UUID", "java.lang.String");

  // Texts that other systems made up and only they understand.
  private static final Set<String> FOREIGN =
      Set.of("workflowId", "taskId", "requestId", "providerId");

  private HaveTypedIds() {
    super("have typed ids");
  }

  static HaveTypedIds rule() {
    return new HaveTypedIds();
  }

  /** A target of an event is of any kind; the field beside its id names it. */
  private static boolean saysWhatKindItIs(JavaClass type, JavaField field) {
    return field.getName().equals("id") && type.tryGetField("type").isPresent();
  }

  @Override
  public void check(JavaClass type, ConditionEvents events) {
    for (JavaField field : type.getFields()) {
      if (field.getName().matches("[a-z]\\w*Id")
          // Temporal's, made up by the kind of workflow and its names.
          && !field.getName().toLowerCase(Locale.ROOT).endsWith("workflowid")
          && BARE.contains(field.getRawType().getName())
          && !FOREIGN.contains(field.getName())
          && !field.getName().endsWith("WorkflowId")
          && !saysWhatKindItIs(type, field)) {
        events.add(SimpleConditionEvent.violated(field, field.getDescription() + " is a bare id"));
      }
    }
  }
}
