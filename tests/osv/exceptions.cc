// C++: exceptions unwound through frames, streams, containers, a thread with its own data.
#include <iostream>
#include <stdexcept>
#include <vector>
#include <string>
#include <map>
#include <thread>
struct D { ~D(){ std::cout << "D\n"; } };
static void f(int n){ D d; if(n==0) throw std::runtime_error("deep"); f(n-1);}
int main(){ try { f(3);} catch(const std::exception&e){ std::cout << e.what() << "\n"; }
 std::map<std::string,int> m{{"a",1},{"b",2}}; for(auto&[k,v]:m) std::cout << k << v << " "; std::cout << 1.5 << std::endl;
 std::thread t([]{ thread_local std::string s="tl"; std::cout << s << "\n"; }); t.join();
 try { std::vector<int>().at(3);} catch(std::out_of_range&e){ std::cout << e.what() << "\n"; }
}
