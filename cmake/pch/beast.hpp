#include <boost/asio.hpp>
#include <boost/beast.hpp>
