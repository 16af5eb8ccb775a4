// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The same from C++: std::vector as it comes from the allocator, and a queue
 * that ends itself. Usage: vector
 *
 * What to copy from here: class Device, and that a vector may grow (move)
 * between two jobs: the next one is given the new pointer, and that is all.
 */
#include <cstdio>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include <secmmu.h>

// A device with one queue. Not copied: the library keeps its address.
class Device {
public:
	explicit Device(unsigned int entries = 64)
	{
		check("open", secmmu_open(&context, nullptr));
		int ret = secmmu_queue_init(&queue, &context, entries, 0);
		if (ret)
			secmmu_close(&context);
		check("queue", ret);
	}
	~Device()
	{
		secmmu_queue_exit(&queue);
		secmmu_close(&context);
	}
	Device(const Device &) = delete;
	Device &operator=(const Device &) = delete;

	void saxpy(std::vector<float> &y, float a, const std::vector<float> &x)
	{
		if (x.size() != y.size())
			throw std::invalid_argument("vectors of two lengths");
		check("saxpy", secmmu_saxpy(&queue, y.data(), a, x.data(),
					    x.size()));
	}

	uint64_t sum(const std::vector<uint64_t> &v)
	{
		uint64_t result = 0;

		check("sum", secmmu_reduce_u64(&queue, v.data(), v.size(),
					       &result));
		return result;
	}

private:
	static void check(const char *what, int ret)
	{
		if (ret)
			throw std::runtime_error(std::string(what) + ": " +
						 std::strerror(-ret));
	}

	struct secmmu context = {};
	struct secmmu_queue queue = {};
};

int main()
try {
	Device device;

	std::vector<float> x(50000, 3.0f), y(50000, 1.0f);
	device.saxpy(y, 2.0f, x);
	for (float value : y)
		if (value != 7.0f)
			throw std::runtime_error("a wrong sum");
	std::printf("saxpy of two std::vector: right\n");

	// It moves whenever it grows; the device is given where it is now.
	std::vector<uint64_t> grows;
	int moves = 0;
	for (uint64_t i = 0; i < 100000; i++) {
		const uint64_t *before = grows.data();

		grows.push_back(i);
		if (grows.data() == before)
			continue;
		moves++;
		if (device.sum(grows) !=
		    std::accumulate(grows.begin(), grows.end(), uint64_t(0)))
			throw std::runtime_error("a wrong sum");
	}
	std::printf("summed at each of %d addresses while it grew: right\n",
		    moves);
	return 0;
} catch (const std::exception &e) {
	std::fprintf(stderr, "vector: %s\n", e.what());
	return 1;
}
