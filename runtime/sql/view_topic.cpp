#include "runtime/sql/view_topic.hpp"

namespace weir {

schema_ptr topic_key_columns(const view_plan& plan) {
  schema out;
  for (const auto c : plan.key_columns) out.fields.push_back(plan.output_columns->fields[c]);
  if (out.fields.empty() && plan.topic_format.name == "avro") out.fields.push_back({"view", data_type::text, true});
  return std::make_shared<const schema>(std::move(out));
}

result<topic_encoders> make_topic_encoders(const view_plan& plan) {
  topic_encoders out;
  WEIR_TRY(value, make_row_encoder(plan.topic_format, plan.output_columns));
  out.value = std::move(value);
  if (!has_topic_keys(plan)) return out;
  WEIR_TRY(key, make_row_encoder(key_format_of(plan.topic_format), topic_key_columns(plan)));
  out.key = std::move(key);
  return out;
}

}  // namespace weir
