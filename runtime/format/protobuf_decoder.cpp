#include "runtime/format/decoders.hpp"
#include "runtime/format/protobuf_frame.hpp"
#include "runtime/format/protobuf_reader.hpp"

namespace weir {

// Which version of the schema a framed record names does not matter: Protobuf reads each with the fields it knows.
result<decoder_ptr> make_protobuf_decoder(const format_options& options, schema_ptr columns_schema) {
  if (options.descriptor_set.empty())
    return fail(errc::corrupt, "the descriptors of message {} are not known", options.message);
  WEIR_TRY(type, protobuf_type::parse(options.descriptor_set, options.message));
  auto reader = std::make_shared<protobuf_reader>(type, columns_schema.get());
  return make_converting_decoder(
      options, std::move(columns_schema),
      [type, reader, framed = options.framed](std::string_view record, std::string& out) -> status {
        if (framed) WEIR_TRY_VOID(remove_protobuf_frame(record, type->path()));
        return reader->to_json(record, out);
      });
}

}  // namespace weir
