#include "runtime/format/protobuf_reader.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cmath>
#include <unordered_map>

#include "runtime/excerpt.hpp"
#include "runtime/format/json_writer.hpp"
#include "runtime/format/protobuf_inside.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

namespace pb = google::protobuf;
using wire = pb::internal::WireFormatLite;
using field = pb::FieldDescriptor;

constexpr std::size_t least_memory = 1U << 20, memory_per_byte = 256;

std::size_t most_of(std::string_view message) { return least_memory + memory_per_byte * message.size(); }

using type_sizes = std::unordered_map<const pb::Descriptor*, std::size_t>;

// What a message will cost in memory, by its bytes: two of them may be one that has room for a thousand fields.
class message_cost {
 public:
  message_cost(pb::DynamicMessageFactory& factory, type_sizes& sizes, std::size_t most)
      : factory_(factory), sizes_(sizes), left_(most) {}

  // False beyond the limits. Bytes that are no message are left to the parser, which says so.
  bool fits(pb::io::CodedInputStream& in, const pb::Descriptor& type, int depth) {
    if (depth > max_protobuf_depth || !spend(type)) return false;
    for (auto tag = in.ReadTag(); tag != 0; tag = in.ReadTag()) {
      const auto kind = wire::GetTagWireType(tag);
      if (kind == wire::WIRETYPE_END_GROUP) return true;
      const auto* const f = type.FindFieldByNumber(wire::GetTagFieldNumber(tag));
      const auto* const inner = f == nullptr ? nullptr : f->message_type();
      if (inner != nullptr && kind == wire::WIRETYPE_START_GROUP) {
        if (!fits(in, *inner, depth + 1)) return false;
      } else if (inner != nullptr && kind == wire::WIRETYPE_LENGTH_DELIMITED) {
        int size = 0;
        if (!in.ReadVarintSizeAsInt(&size)) return true;
        const auto outer = in.PushLimit(size);
        if (!fits(in, *inner, depth + 1)) return false;
        in.PopLimit(outer);
      } else if (!wire::SkipField(&in, tag)) {
        return true;
      }
    }
    return true;
  }

 private:
  bool spend(const pb::Descriptor& type) {
    auto& size = sizes_[&type];
    if (size == 0) size = factory_.GetPrototype(&type)->SpaceUsedLong();
    if (size > left_) return false;
    left_ -= size;
    return true;
  }

  pb::DynamicMessageFactory& factory_;
  type_sizes& sizes_;
  std::size_t left_;
};

class json_printer {
 public:
  json_printer(std::string& out, std::size_t most) : out_(out), most_(out.size() + most) {}

  // Of the outermost message those of its fields that are wanted, by their places.
  status root(const pb::Message& m, const std::vector<bool>& wanted) {
    return m.GetDescriptor()->well_known_type() == pb::Descriptor::WELLKNOWNTYPE_UNSPECIFIED ? fields(m, &wanted)
                                                                                             : message(m);
  }

 private:
  status message(const pb::Message& m) {
    if (out_.size() > most_) return fail(errc::limit_exceeded, "the message becomes more than {} bytes of JSON", most_);
    const auto& type = *m.GetDescriptor();
    switch (type.well_known_type()) {
      case pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP: return is_time(type) ? timestamp(m) : fields(m);
      case pb::Descriptor::WELLKNOWNTYPE_DURATION: return is_time(type) ? duration(m) : fields(m);
      case pb::Descriptor::WELLKNOWNTYPE_VALUE: return type.oneof_decl_count() == 1 ? json_value(m) : fields(m);
      case pb::Descriptor::WELLKNOWNTYPE_STRUCT:
      case pb::Descriptor::WELLKNOWNTYPE_LISTVALUE:
        return type.field_count() == 1 && type.field(0)->is_repeated() ? any_field(m, *type.field(0)) : fields(m);
      case pb::Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
      case pb::Descriptor::WELLKNOWNTYPE_FLOATVALUE:
      case pb::Descriptor::WELLKNOWNTYPE_INT64VALUE:
      case pb::Descriptor::WELLKNOWNTYPE_UINT64VALUE:
      case pb::Descriptor::WELLKNOWNTYPE_INT32VALUE:
      case pb::Descriptor::WELLKNOWNTYPE_UINT32VALUE:
      case pb::Descriptor::WELLKNOWNTYPE_STRINGVALUE:
      case pb::Descriptor::WELLKNOWNTYPE_BYTESVALUE:
      case pb::Descriptor::WELLKNOWNTYPE_BOOLVALUE: return is_wrapper(type) ? any_field(m, *type.field(0)) : fields(m);
      default: return fields(m);
    }
  }

  // A descriptor set may declare a type of a known name with other fields.
  static bool is_time(const pb::Descriptor& type) {
    const auto is = [&](const char* name, field::Type wanted) {
      const auto* const f = type.FindFieldByName(name);
      return f != nullptr && f->type() == wanted && !f->is_repeated();
    };
    return is("seconds", field::TYPE_INT64) && is("nanos", field::TYPE_INT32);
  }

  // The default of a message inside of itself has no end.
  static bool is_wrapper(const pb::Descriptor& type) {
    return type.field_count() == 1 && !type.field(0)->is_repeated() && type.field(0)->message_type() == nullptr;
  }

  static std::int64_t number_in(const pb::Message& m, const char* name) {
    const auto* const f = m.GetDescriptor()->FindFieldByName(name);
    if (f->cpp_type() == field::CPPTYPE_INT32) return m.GetReflection()->GetInt32(m, f);
    return m.GetReflection()->GetInt64(m, f);
  }

  status timestamp(const pb::Message& m) {
    std::int64_t us = 0;
    if (__builtin_mul_overflow(number_in(m, "seconds"), us_per_s, &us) ||
        __builtin_add_overflow(us, floor_to(number_in(m, "nanos"), 1'000) / 1'000, &us) || us < timestamp_min_us ||
        us > timestamp_max_us)
      return fail(errc::parse_error, "a Timestamp outside of the years 0001 to 9999");
    append_json_string(out_, format_timestamp(us));
    return {};
  }

  status duration(const pb::Message& m) {
    std::int64_t us = 0;
    if (__builtin_mul_overflow(number_in(m, "seconds"), us_per_s, &us) ||
        __builtin_add_overflow(us, number_in(m, "nanos") / 1'000, &us))
      return fail(errc::parse_error, "a Duration of more than 64 bits");
    append_json_string(out_, format_interval(us));
    return {};
  }

  // Of google.protobuf.Value: the one that is set.
  status json_value(const pb::Message& m) {
    const auto* const set = m.GetReflection()->GetOneofFieldDescriptor(m, m.GetDescriptor()->oneof_decl(0));
    if (set != nullptr && set->type() != field::TYPE_ENUM) return any_field(m, *set);
    out_ += "null";
    return {};
  }

  status fields(const pb::Message& m, const std::vector<bool>* wanted = nullptr) {
    const auto& type = *m.GetDescriptor();
    out_ += '{';
    bool first = true;
    for (int i = 0; i < type.field_count(); ++i) {
      const auto& f = *type.field(i);
      if (wanted != nullptr && !(*wanted)[static_cast<std::size_t>(i)]) continue;
      if (!f.is_repeated() && f.has_presence() && !m.GetReflection()->HasField(m, &f)) continue;
      if (!std::exchange(first, false)) out_ += ',';
      append_json_string(out_, f.name());
      out_ += ':';
      if (auto good = any_field(m, f); !good) {
        good.error().message = fmt::format("field '{}': {}", f.name(), good.error().message);
        return good;
      }
    }
    out_ += '}';
    return {};
  }

  status any_field(const pb::Message& m, const field& f) {
    if (f.is_map()) return map(m, f);
    if (!f.is_repeated()) return value(m, f, -1);
    out_ += '[';
    for (int i = 0; i < m.GetReflection()->FieldSize(m, &f); ++i) {
      if (i != 0) out_ += ',';
      WEIR_TRY_VOID(value(m, f, i));
    }
    out_ += ']';
    return {};
  }

  // In the order of the keys' texts: the library's own is another each time.
  status map(const pb::Message& m, const field& f) {
    std::map<std::string, const pb::Message*> entries;
    for (int i = 0; i < m.GetReflection()->FieldSize(m, &f); ++i) {
      const auto& entry = m.GetReflection()->GetRepeatedMessage(m, &f, i);
      std::string key;
      std::swap(key, out_);
      const auto good = value(entry, *f.message_type()->map_key(), -1);
      std::swap(key, out_);
      WEIR_TRY_VOID(good);
      if (!key.starts_with('"')) key = fmt::format("\"{}\"", key);
      entries[std::move(key)] = &entry;
    }
    out_ += '{';
    bool first = true;
    for (const auto& [key, entry] : entries) {
      if (!std::exchange(first, false)) out_ += ',';
      out_ += key;
      out_ += ':';
      WEIR_TRY_VOID(value(*entry, *f.message_type()->map_value(), -1));
    }
    out_ += '}';
    return {};
  }

  // One value of a field; `i`: of a repeated one.
  status value(const pb::Message& m, const field& f, int i) {
    const auto& r = *m.GetReflection();
    const bool one = i < 0;
    switch (f.cpp_type()) {
      case field::CPPTYPE_INT32: return number(one ? r.GetInt32(m, &f) : r.GetRepeatedInt32(m, &f, i));
      case field::CPPTYPE_INT64: return number(one ? r.GetInt64(m, &f) : r.GetRepeatedInt64(m, &f, i));
      case field::CPPTYPE_UINT32: return number(one ? r.GetUInt32(m, &f) : r.GetRepeatedUInt32(m, &f, i));
      case field::CPPTYPE_UINT64: return number(one ? r.GetUInt64(m, &f) : r.GetRepeatedUInt64(m, &f, i));
      case field::CPPTYPE_DOUBLE: return real(one ? r.GetDouble(m, &f) : r.GetRepeatedDouble(m, &f, i));
      case field::CPPTYPE_FLOAT: return real(one ? r.GetFloat(m, &f) : r.GetRepeatedFloat(m, &f, i));
      case field::CPPTYPE_BOOL:
        out_ += (one ? r.GetBool(m, &f) : r.GetRepeatedBool(m, &f, i)) ? "true" : "false";
        return {};
      case field::CPPTYPE_ENUM: return symbol(f, one ? r.GetEnumValue(m, &f) : r.GetRepeatedEnumValue(m, &f, i));
      case field::CPPTYPE_STRING: {
        std::string scratch;
        return text(f, one ? r.GetStringReference(m, &f, &scratch) : r.GetRepeatedStringReference(m, &f, i, &scratch));
      }
      case field::CPPTYPE_MESSAGE: return message(one ? r.GetMessage(m, &f) : r.GetRepeatedMessage(m, &f, i));
    }
    return {};
  }

  template <class Number>
  status number(Number n) {
    out_ += std::to_string(n);
    return {};
  }

  template <class Real>
  status real(Real value) {
    if (std::isnan(value))
      out_ += "\"NaN\"";
    else if (std::isinf(value))
      out_ += value < 0 ? "\"-Infinity\"" : "\"Infinity\"";
    else
      out_ += fmt::format("{}", value);
    return {};
  }

  status symbol(const field& f, int number) {
    const auto* const known = f.enum_type()->FindValueByNumber(number);
    append_json_string(out_, known != nullptr ? known->name() : std::to_string(number));
    return {};
  }

  status text(const field& f, const std::string& bytes) {
    if (f.type() == field::TYPE_STRING) {
      if (!is_valid_utf8(bytes)) return fail(errc::parse_error, "a text that is no UTF-8: {}", quoted_excerpt(bytes));
      append_json_string(out_, bytes);
      return {};
    }
    out_ += "\"\\";  // JSON's own escape of the backslash
    append_bytea_text(out_, bytes);
    out_ += '"';
    return {};
  }

  std::string& out_;
  std::size_t most_;
};

}  // namespace

struct protobuf_reader::work {
  std::unique_ptr<pb::Message> message;
  type_sizes sizes;
  std::vector<bool> wanted;  // fields, by their places
};

protobuf_reader::protobuf_reader(std::shared_ptr<const protobuf_type> type, const schema* only)
    : type_(std::move(type)), work_(std::make_unique<work>()) {
  const auto& in = type_->in();
  work_->message.reset(in.factory.GetPrototype(in.type)->New());
  for (int i = 0; i < in.type->field_count(); ++i)
    work_->wanted.push_back(only == nullptr || only->find(in.type->field(i)->name()));
}

protobuf_reader::~protobuf_reader() = default;

status protobuf_reader::to_json(std::string_view message, std::string& out) {
  const auto& type = type_->in();
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(message.data());
  const auto size = static_cast<int>(message.size());
  const auto most = most_of(message);
  pb::io::CodedInputStream first(bytes, size);
  if (!message_cost(type.factory, work_->sizes, most).fits(first, *type.type, 0))
    return fail(errc::limit_exceeded, "the message nests deeper than {}, or takes more than {} bytes of memory",
                max_protobuf_depth, most);
  auto& made = *work_->message;
  made.Clear();
  pb::io::CodedInputStream in(bytes, size);
  in.SetRecursionLimit(max_protobuf_depth + 1);
  if (!made.MergePartialFromCodedStream(&in) || !in.ConsumedEntireMessage())
    return fail(errc::parse_error, "these bytes are no message {}", type.type->full_name());
  if (!made.IsInitialized())
    return fail(errc::parse_error, "required fields are missing: {}", made.InitializationErrorString());
  return json_printer(out, most).root(made, work_->wanted);
}

}  // namespace weir
