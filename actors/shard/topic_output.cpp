#include "actors/shard/topic_output.hpp"

namespace weir {

result<std::unique_ptr<topic_output>> topic_output::make(const view_plan& plan, int shard) {
  if (plan.topic.empty()) return nullptr;
  std::unique_ptr<topic_output> out(new topic_output(plan, shard));
  out->key_schema_ = topic_key_columns(plan);
  WEIR_TRY(made, make_topic_encoders(plan));
  out->encode_ = std::move(made);
  return out;
}

record_batch topic_output::keys_of(const record_batch& rows) const {
  record_batch out{key_schema_, {}, rows.rows};
  for (const auto c : plan_.key_columns) out.columns.push_back(rows.columns[c]);
  if (out.columns.size() == key_schema_->fields.size()) return out;
  column names(data_type::text);
  for (std::size_t i = 0; i < rows.rows; ++i) names.push_text(plan_.name);
  out.columns.push_back(std::make_shared<const column>(std::move(names)));
  return out;
}

owned_append topic_output::empty(const record_batch& keys, std::size_t i) const {
  owned_append out{plan_.topic, shard_, {}, std::nullopt, {}, 0};
  if (!encode_.key) return out;
  if (keys.columns.empty())
    out.key = plan_.name;
  else
    encode_.key->append(out.key, keys, i);
  return out;
}

owned_append topic_output::row(const record_batch& rows, const record_batch& keys, std::size_t i) const {
  auto out = empty(keys, i);
  encode_.value->append(out.value.emplace(), rows, i);
  return out;
}

owned_append topic_output::tombstone(const record_batch& keys, std::size_t i) const { return empty(keys, i); }

result<owned_append> topic_output::tombstone(std::string_view row_json) {
  if (!decoder_) {
    WEIR_TRY(made, make_record_decoder({"json", {}}, plan_.output_columns, {}, false));
    decoder_ = std::move(made);
  }
  raw_records texts;
  texts.append(row_json);
  batch_builder builder(plan_.output_columns);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  decoder_->decode(texts, 0, 1, builder, decoded, failures);
  if (!failures.empty())
    return fail(errc::corrupt, "a row of view {} cannot be read: {}", plan_.name, failures.front().reason);
  const auto rows = builder.finish();
  return tombstone(keys_of(rows), 0);
}

}  // namespace weir
