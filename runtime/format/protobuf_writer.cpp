#include "runtime/format/protobuf_writer.hpp"

#include <set>

#include "runtime/format/json_writer.hpp"
#include "runtime/format/protobuf_inside.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

namespace pb = google::protobuf;
using pb_field = pb::FieldDescriptor;

constexpr std::int64_t ns_per_us = 1'000;

bool is_wrapper(const pb::Descriptor& type) {
  const auto kind = type.well_known_type();
  return kind >= pb::Descriptor::WELLKNOWNTYPE_DOUBLEVALUE && kind <= pb::Descriptor::WELLKNOWNTYPE_BOOLVALUE &&
         type.field_count() == 1 && !type.field(0)->is_repeated();
}

// A Timestamp or Duration as it should be.
bool is_time(const pb::Descriptor& type, pb::Descriptor::WellKnownType kind) {
  const auto* const seconds = type.FindFieldByName("seconds");
  const auto* const nanos = type.FindFieldByName("nanos");
  return type.well_known_type() == kind && seconds != nullptr && nanos != nullptr &&
         seconds->type() == pb_field::TYPE_INT64 && nanos->type() == pb_field::TYPE_INT32 && !seconds->is_repeated() &&
         !nanos->is_repeated();
}

bool fits(data_type type, const pb_field& to) {
  if (to.is_repeated()) return false;
  if (const auto* const inner = to.message_type()) {
    if (type == data_type::timestamptz && is_time(*inner, pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP)) return true;
    if (type == data_type::interval && is_time(*inner, pb::Descriptor::WELLKNOWNTYPE_DURATION)) return true;
    return is_wrapper(*inner) && inner->field(0)->message_type() == nullptr && fits(type, *inner->field(0));
  }
  switch (type) {
    case data_type::boolean: return to.cpp_type() == pb_field::CPPTYPE_BOOL;
    case data_type::bigint:
    case data_type::timestamptz: return to.cpp_type() == pb_field::CPPTYPE_INT64;
    case data_type::double_precision: return to.cpp_type() == pb_field::CPPTYPE_DOUBLE;
    case data_type::text:
    case data_type::json:
    case data_type::interval: return to.type() == pb_field::TYPE_STRING;
    case data_type::bytea: return to.type() == pb_field::TYPE_BYTES;
  }
  return false;
}

std::string_view wanted_for(data_type type) {
  switch (type) {
    case data_type::boolean: return "bool";
    case data_type::bigint: return "int64, sint64, sfixed64 or google.protobuf.Int64Value";
    case data_type::double_precision: return "double or google.protobuf.DoubleValue";
    case data_type::timestamptz: return "google.protobuf.Timestamp or int64";
    case data_type::interval: return "google.protobuf.Duration or string";
    case data_type::bytea: return "bytes or google.protobuf.BytesValue";
    case data_type::text:
    case data_type::json: break;
  }
  return "string or google.protobuf.StringValue";
}

void set_time(pb::Message& to, std::int64_t us) {
  const auto& type = *to.GetDescriptor();
  // Of a Duration both parts have the same sign, of a Timestamp nanos count forwards.
  const bool forwards = type.well_known_type() == pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP;
  const auto seconds = forwards ? floor_to(us, us_per_s) / us_per_s : us / us_per_s;
  to.GetReflection()->SetInt64(&to, type.FindFieldByName("seconds"), seconds);
  to.GetReflection()->SetInt32(&to, type.FindFieldByName("nanos"),
                               static_cast<std::int32_t>((us - seconds * us_per_s) * ns_per_us));
}

void set_value(pb::Message& to, const pb_field& f, const column& values, std::size_t row) {
  const auto& r = *to.GetReflection();
  if (const auto* const inner = f.message_type()) {
    auto& made = *r.MutableMessage(&to, &f);
    if (is_wrapper(*inner)) return set_value(made, *inner->field(0), values, row);
    return set_time(made, values.ints()[row]);
  }
  switch (values.type()) {
    case data_type::boolean: return r.SetBool(&to, &f, values.ints()[row] != 0);
    case data_type::bigint:
    case data_type::timestamptz: return r.SetInt64(&to, &f, values.ints()[row]);
    case data_type::double_precision: return r.SetDouble(&to, &f, values.doubles()[row]);
    case data_type::interval: {
      std::string text;
      append_value_text(text, values, row);
      return r.SetString(&to, &f, std::move(text));
    }
    case data_type::text:
    case data_type::json:
    case data_type::bytea: return r.SetString(&to, &f, std::string(values.text(row)));
  }
}

}  // namespace

struct protobuf_writer::work {
  std::shared_ptr<const protobuf_type> type;
  std::vector<const pb_field*> fields;  // of the columns
  std::unique_ptr<pb::Message> message;
};

protobuf_writer::protobuf_writer(std::unique_ptr<work> w) : work_(std::move(w)) {}
protobuf_writer::~protobuf_writer() = default;

result<std::unique_ptr<protobuf_writer>> protobuf_writer::make(std::shared_ptr<const protobuf_type> type,
                                                               const schema& columns) {
  const auto& in = type->in();
  auto w = std::make_unique<work>();
  std::set<const pb::OneofDescriptor*> oneofs;
  for (const auto& c : columns.fields) {
    const auto* const f = in.type->FindFieldByName(c.name);
    if (f == nullptr)
      return with_hint(
          fail(errc::invalid_argument, "column {} is no field of message {}", c.name, in.type->full_name()),
          "name columns as the message's fields");
    if (!fits(c.type, *f))
      return with_hint(fail(errc::invalid_argument, "column {} is {}, which field {} of message {} cannot hold", c.name,
                            to_string(c.type), f->name(), in.type->full_name()),
                       fmt::format("it should be {}", wanted_for(c.type)));
    if (const auto* const one = f->real_containing_oneof(); one != nullptr && !oneofs.insert(one).second)
      return fail(errc::invalid_argument, "column {} is one of several for {} of message {}, which holds one value",
                  c.name, one->name(), in.type->full_name());
    w->fields.push_back(f);
  }
  for (int i = 0; i < in.type->field_count(); ++i) {
    const auto* const f = in.type->field(i);
    const auto column = columns.find(f->name());
    if (f->is_required() && (!column || !columns.fields[*column].not_null))
      return fail(errc::invalid_argument, "field {} of message {} is required, and no column is always there for it",
                  f->name(), in.type->full_name());
  }
  w->message.reset(in.factory.GetPrototype(in.type)->New());
  w->type = std::move(type);
  return std::unique_ptr<protobuf_writer>(new protobuf_writer(std::move(w)));
}

void protobuf_writer::append(std::string& out, const record_batch& rows, std::size_t row) {
  auto& message = *work_->message;
  message.Clear();
  for (std::size_t i = 0; i < rows.columns.size(); ++i)
    if (!rows.columns[i]->is_null(row)) set_value(message, *work_->fields[i], *rows.columns[i], row);
  message.AppendPartialToString(&out);
}

}  // namespace weir
