#include "runtime/format/avro_datum.hpp"
#include "runtime/format/decoders.hpp"

namespace weir {

result<decoder_ptr> make_avro_decoder(const format_options& options, schema_ptr columns_schema,
                                      std::string_view writer_schema) {
  if (writer_schema.empty())
    return with_hint(fail(errc::invalid_argument, "Avro records need the schema that they were written with"),
                     "read them with a source of connector kafka");
  WEIR_TRY(writer, avro_schema::parse(writer_schema));
  if (writer->root().kind != avro_kind::record)
    return fail(errc::unsupported, "the Avro schema is no record, so it has no columns");
  return make_converting_decoder(
      options, std::move(columns_schema),
      [writer](std::string_view datum, std::string& out) { return avro_to_json(writer->root(), datum, out); });
}

}  // namespace weir
