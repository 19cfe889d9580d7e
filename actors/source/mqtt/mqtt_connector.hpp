// MQTT topics as a source: every message is a record. QoS 1 messages are acknowledged when their chunk is committed, on
// the connection that brought them and on no other: each opened connector has one connection of its own (PROTOCOL 26).
// What a dying connection had brought is still handed over: at least once, and the broker may have forgotten it.
#pragma once

#include <memory>
#include <string>

#include "actors/source/connector.hpp"

namespace weir {

result<std::unique_ptr<connector>> make_mqtt_connector(const source_spec& spec, const connector_context& context);

// A JSON object with the topic as its first field; anything else as it is.
std::string with_topic(std::string_view record, std::string_view column, std::string_view topic);

}  // namespace weir
